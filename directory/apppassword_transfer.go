package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

const applicationAttribute = "tallystickApplicationPassword"

// applicationText is an application password as Export writes it and Import
// reads it: JSON on one line, salt and hash in base64.
type applicationText struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Salt      []byte   `json:"salt"`
	Hash      []byte   `json:"hash"`
	Networks  []string `json:"networks,omitempty"`
	Listeners []string `json:"listeners,omitempty"`
	ByCode    bool     `json:"byCode,omitempty"`
	Created   string   `json:"created"` // RFC 3339, here and below
	MadeBy    string   `json:"madeBy,omitempty"`
	NotAfter  string   `json:"notAfter,omitempty"`
	LastUsed  string   `json:"lastUsed,omitempty"`
}

// exportApplications returns the values of tallystickApplicationPassword.
func exportApplications(list []*applicationPassword) ([][]byte, error) {
	var texts [][]byte
	for _, p := range list {
		text, err := json.Marshal(applicationText{
			ID: p.id, Name: p.name,
			Salt: p.salt, Hash: p.hash,
			Networks: p.networks, Listeners: p.listeners,
			ByCode:  p.byCode,
			Created: p.created.Format(time.RFC3339), MadeBy: p.madeBy,
			NotAfter: optionalTimeText(p.notAfter), LastUsed: optionalTimeText(p.used),
		})
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

var errApplicationText = errors.New("not an application password as the export writes it")

func applicationOfText(text []byte) (*applicationPassword, error) {
	var in applicationText
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&in) != nil || decoder.More() {
		return nil, errApplicationText
	}
	created, err1 := time.Parse(time.RFC3339, in.Created)
	notAfter, err2 := parseOptionalTime(in.NotAfter)
	used, err3 := parseOptionalTime(in.LastUsed)
	a := &applicationPassword{
		id: in.ID, name: in.Name,
		salt: in.Salt, hash: in.Hash,
		networks: in.Networks, listeners: in.Listeners,
		byCode:  in.ByCode,
		created: created.UTC(), madeBy: in.MadeBy,
		notAfter: notAfter, used: used,
	}
	if errors.Join(err1, err2, err3) != nil || a.check() != nil || a.checkScope() != nil {
		return nil, errApplicationText
	}
	return a, nil
}

// checkScope fails if something of the scope cannot be read.
func (a *applicationPassword) checkScope() error {
	for _, text := range a.networks {
		if _, err := fromNetwork(nil, text); err != nil {
			return fmt.Errorf("network %q: %w", text, err)
		}
	}
	for _, text := range a.listeners {
		if _, err := onListener(nil, text); err != nil {
			return fmt.Errorf("listener %q: %w", text, err)
		}
	}
	return nil
}

// addApplication adds one that comes with an entry.
func (in *imported) addApplication(text []byte) error {
	one, err := applicationOfText(text)
	switch {
	case err != nil:
		return err
	case len(in.applications) >= maxApplications:
		return fmt.Errorf("more than %d", maxApplications)
	case slices.ContainsFunc(in.applications, func(a *applicationPassword) bool { return a.id == one.id }):
		return errors.New("the id is used twice")
	}
	in.applications = append(in.applications, one)
	return nil
}
