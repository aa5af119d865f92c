// Package resourcesuserv3alpha is the messages of
// zitadel.resources.user.v3alpha, generated from the .proto file beside it by "make proto".
package resourcesuserv3alpha
