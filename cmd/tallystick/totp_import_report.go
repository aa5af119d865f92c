package main

import (
	"fmt"
	"strings"
	"time"
)

// importReport is what import says in JSON.
type importReport struct {
	DryRun      bool           `json:"dryRun"`
	Imported    int            `json:"imported"` // would be, in a dry run
	There       int            `json:"there"`
	Refused     int            `json:"refused"`
	Credentials []importedSeed `json:"credentials"`

	currentCode bool // as asked for
	unknownStep bool // of one that was imported the file did not tell the last code
}

const (
	seedImported = "imported"
	seedThere    = "there"
	seedRefused  = "refused"
)

// importedSeed is one secret, without the secret.
type importedSeed struct {
	File      string     `json:"file"`
	Where     string     `json:"where"`
	Owner     string     `json:"owner,omitempty"` // as the file tells
	Result    string     `json:"result"`          // imported, there, refused
	Reason    string     `json:"reason,omitempty"`
	User      string     `json:"user,omitempty"`
	ID        string     `json:"id,omitempty"`
	Name      string     `json:"name,omitempty"`
	Serial    string     `json:"serial,omitempty"`
	Algorithm string     `json:"algorithm"`
	Digits    int        `json:"digits"`
	Period    int        `json:"period"` // seconds
	Disabled  bool       `json:"disabled,omitempty"`
	LastStep  int64      `json:"lastStep,omitempty"`
	Drift     int        `json:"drift,omitempty"`
	Counter   *int64     `json:"counter,omitempty"` // of the next code of a counter-based token; period is nothing then
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
	Remarks   []string   `json:"remarks,omitempty"`
}

func newImportedSeed(s foundSeed) importedSeed {
	return importedSeed{
		File: s.file, Where: s.Where, Owner: s.Owner,
		Name: s.Name, Serial: s.Serial,
		Algorithm: s.Parameters.Algorithm.String(), Digits: s.Parameters.Digits, Period: int(s.Parameters.Period / time.Second),
		Disabled: s.Disabled, LastStep: s.LastStep, Drift: s.Drift, Counter: counterOf(s.Seed),
		NotBefore: optionalTime(s.NotBefore), NotAfter: optionalTime(s.NotAfter),
		Remarks: s.Remarks,
	}
}

func (one importedSeed) refused(reason string) importedSeed {
	one.Result, one.Reason = seedRefused, reason
	return one
}

// text is one line for a person.
func (one importedSeed) text(dryRun bool) string {
	where := plain(one.File + ": " + one.Where)
	switch {
	case one.Result == seedRefused:
		if one.Owner != "" && one.Owner != one.Where {
			where += " (" + plain(one.Owner) + ")"
		}
		return where + ": not taken: " + plain(one.Reason)
	case one.Result == seedThere:
		return where + ": " + plain(one.User) + " has it already"
	}
	verb := "imported"
	if dryRun {
		verb = "would be imported"
	}
	return fmt.Sprintf("%s: %s for %s: %s", where, verb, plain(one.User), plain(one.details()))
}

// details tell what kind of credential it is.
func (one importedSeed) details() string {
	list := []string{fmt.Sprintf("%s %d/%ds", one.Algorithm, one.Digits, one.Period)}
	if one.Counter != nil {
		list = []string{fmt.Sprintf("HOTP %s %d, counter %d", one.Algorithm, one.Digits, *one.Counter)}
	}
	if one.Name != "" {
		list = append(list, fmt.Sprintf("%q", one.Name))
	}
	if one.Serial != "" {
		list = append(list, "token "+one.Serial)
	}
	if one.Disabled {
		list = append(list, "disabled")
	}
	if one.Drift != 0 {
		list = append(list, fmt.Sprintf("drift %+d", one.Drift))
	}
	if one.NotBefore != nil {
		list = append(list, "from "+one.NotBefore.Format(time.DateTime))
	}
	if one.NotAfter != nil {
		list = append(list, "until "+one.NotAfter.Format(time.DateTime))
	}
	return strings.Join(append(list, one.Remarks...), ", ")
}

func (r *importReport) add(one importedSeed) {
	r.Credentials = append(r.Credentials, one)
	switch one.Result {
	case seedImported:
		r.Imported++
		r.unknownStep = r.unknownStep || one.LastStep == 0 && one.Counter == nil
	case seedThere:
		r.There++
	default:
		r.Refused++
	}
}

// tell says how it went in all. That some were not taken is an error.
func (r *importReport) tell(s *totpSession) error {
	verb := "imported"
	if r.DryRun {
		verb = "would be imported"
	}
	err := s.tell(r, "%d %s, %d there already, %d not taken", r.Imported, verb, r.There, r.Refused)
	if err != nil {
		return err
	}
	switch {
	case !r.unknownStep || r.DryRun:
	case r.currentCode:
		fmt.Fprintln(s.prompt, "The codes shown now are accepted once, also those that were used before the import.")
	default:
		fmt.Fprintln(s.prompt, "Codes shown before now are not accepted, as some may have been used: wait for the next one.")
	}
	if r.Refused > 0 {
		return fmt.Errorf("%d of %d secrets not taken", r.Refused, len(r.Credentials))
	}
	return nil
}
