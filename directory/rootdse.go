package directory

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"tallystick/directory/password"
)

// Vendor and version, as the root DSE tells them (RFC 3045).
const (
	VendorName    = "tallystick"
	VendorVersion = "0.1.0"
)

// features is the supportedFeatures of the operations in this package.
var features = []string{
	"1.3.6.1.4.1.4203.1.5.1", // all operational attributes, RFC 3673
	"1.3.6.1.4.1.4203.1.5.2", // requesting attributes by object class, RFC 4529
	"1.3.6.1.4.1.4203.1.5.3", // true and false filters, RFC 4526
	"1.3.6.1.1.14",           // modify-increment, RFC 4525
}

// Advertise adds values to an attribute of the root DSE. Fronts call it for
// what they offer, before they serve.
func (d *Directory) Advertise(attribute string, values ...string) {
	d.dseMu.Lock()
	defer d.dseMu.Unlock()
	i := slices.IndexFunc(d.dse, func(a Attribute) bool { return strings.EqualFold(a.Name, attribute) })
	if i < 0 {
		i = len(d.dse)
		d.dse = append(d.dse, Attribute{Name: attribute})
	}
	for _, v := range values {
		d.dse[i].Values = append(d.dse[i].Values, []byte(v))
	}
}

func (d *Directory) advertiseDirectory() {
	d.Advertise("objectClass", "top", "extensibleObject")
	d.Advertise("subschemaSubentry", subschemaDN)
	d.Advertise("tallystickAuditLog", auditDN)
	d.Advertise("supportedFeatures", features...)
	d.Advertise("supportedSASLMechanisms", d.saslMechanisms()...)
	d.Advertise("supportedAuthPasswordSchemes", password.AuthSchemes()...)
	d.Advertise("vendorName", VendorName)
	d.Advertise("vendorVersion", VendorVersion)
	d.Advertise("startupUUID", uuid.NewString())
	d.Advertise("startTime", string(generalizedTime(d.now())))
}

// rootDSE returns the attributes of the root DSE (RFC 4512, section 5.1).
func (d *Directory) rootDSE() []Attribute {
	contexts := Attribute{Name: "namingContexts"}
	for _, c := range *d.contexts.Load() {
		contexts.Values = append(contexts.Values, []byte(c.String()))
	}
	d.dseMu.Lock()
	defer d.dseMu.Unlock()
	attrs := slices.Clone(d.dse)
	if contexts.Values != nil {
		attrs = append(attrs, contexts)
	}
	return attrs
}

// subschema returns the attributes of the subschema subentry (RFC 4512,
// section 4.2).
func (d *Directory) subschema() []Attribute {
	attrs := []Attribute{
		{"objectClass", [][]byte{[]byte("top"), []byte("subentry"), []byte("subschema")}},
		{"cn", [][]byte{[]byte("schema")}},
		{"subtreeSpecification", [][]byte{[]byte("{}")}},
	}
	for _, list := range []struct {
		name   string
		values []string
	}{
		{"ldapSyntaxes", d.schema.LDAPSyntaxes()},
		{"matchingRules", d.schema.MatchingRules()},
		{"matchingRuleUse", d.schema.MatchingRuleUse()},
		{"attributeTypes", d.schema.AttributeTypes()},
		{"objectClasses", d.schema.ObjectClasses()},
	} {
		a := Attribute{Name: list.name}
		for _, v := range list.values {
			a.Values = append(a.Values, []byte(v))
		}
		attrs = append(attrs, a)
	}
	return attrs
}
