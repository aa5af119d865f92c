// Package userv2 is the messages of
// zitadel.user.v2, generated from the .proto file beside it by "make proto".
package userv2
