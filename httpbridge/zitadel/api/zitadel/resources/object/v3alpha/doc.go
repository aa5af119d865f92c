// Package resourcesobjectv3alpha is the messages of
// zitadel.resources.object.v3alpha, generated from the .proto file beside it by "make proto".
package resourcesobjectv3alpha
