// Package objectv2beta is the messages of zitadel.object.v2beta, generated from
// the .proto file beside it by "make proto".
package objectv2beta
