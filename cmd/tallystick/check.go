package main

import (
	"context"
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
each fault. The exit status is 1 if there was any. What the configuration names
and the data has not is a warning. Nothing is changed. The server must not be
running.`,
		Example: `  tallystick check --data ./data`,
		Args:    usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.withData(cmd.Context(), func(_ *config, d *data) error {
				return checkData(cmd.Context(), cmd.OutOrStdout(), d)
			})
		},
	}
}

func checkData(ctx context.Context, out io.Writer, d *data) error {
	faults := &faultList{out: out}
	if err := d.store.Verify(ctx, nil); err != nil {
		faults.add("the database: " + err.Error())
	}
	seen, err := d.directory.Check(ctx, faults.add)
	if err != nil {
		return err
	}
	warnings, err := d.directory.Warnings(ctx)
	if err != nil {
		return err
	}
	for _, text := range warnings {
		fmt.Fprintln(out, "warning:", text)
	}
	fmt.Fprintf(out, "checked %d entries, %d index keys, %d TOTP credentials, %d audit records: %s\n",
		seen.Entries, seen.IndexKeys, seen.Credentials, seen.AuditRecords, faults.verdict())
	if faults.n > 0 {
		return errReported
	}
	return nil
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
