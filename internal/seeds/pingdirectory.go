package seeds

import "bytes"

// readPingDirectory reads the LDIF that PingDirectory's export-ldif writes: any
// number of secrets in base32 on the entry of their user, all of them SHA-1, 6
// digits, 30 seconds.
func readPingDirectory(f File) (list []Seed, err error) {
	err = eachEntry(f.Data, func(e entry) {
		for _, v := range e.all("ds-auth-totp-shared-secret") {
			s := Seed{Where: e.DN, Owner: e.DN}
			if bytes.HasPrefix(v, []byte("{")) {
				s.refuse("encrypted by the server it comes from: have that export it in the clear")
			} else {
				s.base32(string(v))
			}
			list = append(list, s)
		}
	})
	return list, err
}
