package directory

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkBindUnderPolicies is BenchmarkBind where ten policies are asked, of
// which the last one matches: half of them by a group, half by a network.
func BenchmarkBindUnderPolicies(b *testing.B) {
	d, _ := quickDirectory(b)
	addWithPassword(b, d, "ann")
	const policies = 10
	for i := range policies {
		condition := "tallystickPolicyNetwork: 192.0.2.0/24"
		if i%2 == 1 {
			member := person("bob")
			if i == policies-1 {
				member = person("ann")
			}
			group := fmt.Sprintf("cn=group%d,dc=example,dc=com", i)
			mustAdd(b, d, group, "objectClass: groupOfNames", "member: "+member)
			condition = "tallystickPolicyGroup: " + group
		}
		mustAdd(b, d, fmt.Sprintf("cn=policy%d,dc=example,dc=com", i), "objectClass: "+policyClass,
			fmt.Sprintf("tallystickPolicyOrder: %d", i), "tallystickSecondFactor: exempt", condition)
	}
	req := &BindRequest{Version: 3, Name: person("ann"), Password: []byte("secret")}
	from := Requester{Peer: "198.51.100.1:1"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Bind(context.Background(), from, req); err != nil {
			b.Fatal(err)
		}
	}
}
