package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// maxFaults is how many faults are printed one by one.
const maxFaults = 100

func checkCommand(flags *globalFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Prove that the data and all its indexes are in step",
		Long: `Read everything in the data folder and compare it: the checksum of each block
and value, each entry with its parent, its name and its index keys, each index
key with its entry, each TOTP credential with its owner and the keyset that
seals it, each audit record with the one before it. Print what was checked and
each fault. The exit status is 1 if there was any. Nothing is changed. The
server must not be running.`,
		Example: `  tallystick check --data ./data`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := flags.config()
			if err != nil {
				return err
			}
			now, err := clock(flags.clockFile)
			if err != nil {
				return err
			}
			d, err := openExisting(cmd.Context(), c, c.logger(), now)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, d.close()) }()
			faults := &faultList{out: cmd.OutOrStdout()}
			if err := d.store.Verify(cmd.Context(), nil); err != nil {
				faults.add("the database: " + err.Error())
			}
			seen, err := d.directory.Check(cmd.Context(), faults.add)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "checked %d entries, %d index keys, %d TOTP credentials, %d audit records: %s\n",
				seen.Entries, seen.IndexKeys, seen.Credentials, seen.AuditRecords, faults.verdict())
			if faults.n > 0 {
				return errReported
			}
			return nil
		},
	}
}

// faultList prints faults as they are found, up to a number.
type faultList struct {
	out io.Writer
	n   int
}

func (l *faultList) add(text string) {
	switch l.n++; {
	case l.n <= maxFaults:
		fmt.Fprintln(l.out, "fault:", text)
	case l.n == maxFaults+1:
		fmt.Fprintln(l.out, "fault: ... and more, which are only counted")
	}
}

func (l *faultList) verdict() string {
	if l.n == 0 {
		return "all in step"
	}
	return fmt.Sprintf("%d faults", l.n)
}
