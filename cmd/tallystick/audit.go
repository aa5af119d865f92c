package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/directory/store/badger"
)

func auditCommand(flags *globalFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify and read the audit log",
		Long: `The audit log has a record of everything that happened to TOTP credentials and
passwords: made, confirmed, accepted, refused and why, locked, revoked; by whom,
from where, through which operation. It never has a password, code or secret.
Each record carries a hash of itself and the one before it.

A running server shows the log to administrators (privilege bypass-acl) and the
help desk (password-reset) as entries below cn=audit, newest first:

  ldapsearch -b cn=audit -s one '(tallystickAuditUser=uid=ann,dc=example,dc=com)'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditVerifyCommand(flags), auditExportCommand(flags))
	return cmd
}

func auditVerifyCommand(flags *globalFlags) *cobra.Command {
	var seen []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that no audit record was changed or removed",
		Long: `Compare each record of the audit log with the one before it and the last with
what the log should end with. If they do not fit, print the first that does not;
the exit status is then 1.

Who can write the database can also write the whole log anew, or take its end
away with what says where it ends. Against that, keep the mark that verify
prints, and the server logs when it starts and stops, on another machine, and
give it with --seen later: the log must still have that very record. The server
must not be running.`,
		Example: `  tallystick audit verify
  tallystick audit verify --seen 1042:9f3c...`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var marks []directory.AuditMark
			for _, text := range seen {
				m, err := directory.ParseAuditMark(text)
				if err != nil {
					return usagef("--seen: %w", err)
				}
				marks = append(marks, m)
			}
			return flags.withSealed(cmd.Context(), func(d *directory.Directory) error {
				log, err := d.VerifyAudit(cmd.Context(), marks...)
				if err != nil {
					return err
				}
				return tellAudit(cmd.OutOrStdout(), log)
			})
		},
	}
	cmd.Flags().StringArrayVar(&seen, "seen", nil, "a `mark` that verify printed before; may be given more than once")
	return cmd
}

func tellAudit(w io.Writer, log directory.AuditLog) error {
	if log.Last == 0 {
		_, err := fmt.Fprintln(w, "the audit log is empty")
		return err
	}
	_, err := fmt.Fprintf(w, "the audit log is whole: records %d to %d\nmark %s\n", log.First, log.Last, log.Mark())
	return err
}

func auditExportCommand(flags *globalFlags) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the audit log as JSON, one record a line",
		Long: `Print the records of the audit log, oldest first, each as a JSON object on a
line of its own. The chain is not verified. The server must not be running.`,
		Example: `  tallystick audit export | jq 'select(.event == "refused")'
  tallystick audit export -o audit.jsonl`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.withSealed(cmd.Context(), func(d *directory.Directory) error {
				if output == "" {
					return writeAudit(cmd.Context(), d, cmd.OutOrStdout())
				}
				return writeWhole(output, func(w io.Writer) error { return writeAudit(cmd.Context(), d, w) })
			})
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`file` to write, in place of the standard output")
	return cmd
}

func writeAudit(ctx context.Context, d *directory.Directory, to io.Writer) error {
	w := bufio.NewWriter(to)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	err := d.Audit(ctx, func(rec *directory.AuditRecord) error { return lines.Encode(rec) })
	return errors.Join(err, w.Flush())
}

// withSealed runs fn on the directory in the data folder without its keyset,
// for what needs no TOTP secret.
func (f *globalFlags) withSealed(ctx context.Context, fn func(*directory.Directory) error) (err error) {
	c, now, err := f.configured()
	if err != nil {
		return err
	}
	log := c.logger()
	s, err := c.openStore(log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d, err := directory.Open(ctx, s, c.directoryConfig(nil, log, now))
	if err != nil {
		return err
	}
	return fn(d)
}

// openStore opens the database, which has to be there.
func (c *config) openStore(log *slog.Logger) (*badger.Store, error) {
	if err := c.ownData(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.database()); err != nil {
		return nil, fmt.Errorf("no database in the data folder: %w", err)
	}
	s, err := badger.Open(c.database(), c.storeConfig(log))
	return s, inUse(c, err)
}

// logAudit logs where the audit log ends, for "audit verify --seen".
func logAudit(ctx context.Context, d *directory.Directory, log *slog.Logger) {
	l, err := d.AuditLog(ctx)
	if err != nil {
		log.Error("the audit log", "err", err)
		return
	}
	log.Info("audit log", "mark", l.Mark().String())
}
