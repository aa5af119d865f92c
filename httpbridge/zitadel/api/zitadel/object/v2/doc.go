// Package objectv2 is the messages of
// zitadel.object.v2, generated from the .proto file beside it by "make proto".
package objectv2
