// Package userv3alpha is the messages and the service of zitadel.user.v3alpha, generated
// from the .proto files beside it by "make proto".
package userv3alpha
