// Package zitadelv1 is the messages of zitadel.v1, generated from the .proto file
// beside it by "make proto".
package zitadelv1
