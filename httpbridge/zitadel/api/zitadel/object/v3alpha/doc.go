// Package objectv3alpha is the messages of
// zitadel.object.v3alpha, generated from the .proto file beside it by "make proto".
package objectv3alpha
