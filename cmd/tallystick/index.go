package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/extop/wire"
)

// indexes is who lists, adds and removes indexes: a running server, or a
// directory whose folder no server has open.
type indexes interface {
	list(ctx context.Context) ([]wire.Index, error)
	add(ctx context.Context, attribute, kind string) error
	remove(ctx context.Context, attribute, kind string) error
}

// indexOptions are the flags of the subcommands of index.
type indexOptions struct {
	totpOptions
	flags *globalFlags
	kinds []string
}

func indexCommand(flags *globalFlags) *cobra.Command {
	o := &indexOptions{flags: flags}
	cmd := &cobra.Command{
		Use:   "index",
		Short: "List, add and remove indexes, on a running server or in a data folder",
		Long: `Without an index a search looks at every entry; where they are more than
directory.unindexedLimit it is refused to whoever lacks the privilege
unindexed-search, and the refusal names the index that is missing. Some
attributes are always indexed; others are added here. The kinds are

  equality   (a=v), and (a>=v), (a<=v) where the attribute has an order
  presence   (a=*)
  substring  (a=*v*); the largest

With -D a running server is asked, which goes on serving: an index is built beside
the other work, used by no search before it is complete, and goes on after a stop
of whatever kind. That takes the privilege config-write; to list, config-read is
enough. Without -D the data folder is worked on, which no server may have open.`,
		Example: `  tallystick index list -D admin
  tallystick index add telephoneNumber --kind substring -D admin
  tallystick index add roomNumber modifyTimestamp --data ./data
  tallystick index remove roomNumber -D admin`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o.register(cmd.PersistentFlags())
	cmd.AddCommand(indexListCommand(o), indexAddCommand(o), indexRemoveCommand(o))
	return cmd
}

func (o *indexOptions) registerKinds(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&o.kinds, "kind", []string{string(directory.EqualityIndex)}, "equality, presence, substring; several with commas")
}

// run makes what runs a subcommand: do, with whoever has the indexes.
func (o *indexOptions) run(do func(ctx context.Context, x indexes, s *totpSession, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if o.bind != "" {
			return o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
				return do(ctx, serverIndexes{s}, s, args)
			})(cmd, args)
		}
		return o.flags.withData(cmd.Context(), func(_ *config, d *data) error {
			s := &totpSession{totpOptions: &o.totpOptions, out: cmd.OutOrStdout()}
			return do(cmd.Context(), folderIndexes{d.directory}, s, args)
		})
	}
}

func indexListCommand(o *indexOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the indexes, and how far those are that are being built",
		Args:  usage(cobra.NoArgs),
		RunE: o.run(func(ctx context.Context, x indexes, s *totpSession, _ []string) error {
			list, err := x.list(ctx)
			if err != nil {
				return err
			}
			if s.json {
				type index struct {
					Attribute string `json:"attribute"`
					Kind      string `json:"kind"`
					State     string `json:"state"`
					Done      uint64 `json:"done,omitempty"`
					Of        uint64 `json:"of,omitempty"`
					Fault     string `json:"fault,omitempty"`
				}
				all := []index{}
				for _, x := range list {
					all = append(all, index(x))
				}
				return s.tell(map[string]any{"indexes": all}, "")
			}
			w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
			for _, x := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\n", x.Attribute, x.Kind, strings.TrimSpace(x.State+" "+howFar(x)))
			}
			return w.Flush()
		}),
	}
}

// howFar is what there is to say of an index beside its state.
func howFar(x wire.Index) string {
	switch {
	case x.Fault != "":
		return "(" + x.Fault + ")"
	case x.Of > 0:
		return fmt.Sprintf("(%d of %d)", x.Done, x.Of)
	}
	return ""
}

func indexAddCommand(o *indexOptions) *cobra.Command {
	var begin bool
	cmd := &cobra.Command{
		Use:   "add ATTRIBUTE...",
		Short: "Add indexes, and wait until they are ready",
		Long: `Add indexes, and wait until they are ready, showing how far they are. To stop
waiting does not stop a server; a data folder goes on with the next "index add"
of the same, or when a server has it. The timestamps createTimestamp and
modifyTimestamp can be indexed; what else the server computes cannot.`,
		Example: `  tallystick index add telephoneNumber --kind equality,substring -D admin
  tallystick index add roomNumber --begin -D admin`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: o.run(func(ctx context.Context, x indexes, s *totpSession, attributes []string) error {
			var wanted []wire.Index
			for _, attribute := range attributes {
				for _, kind := range o.kinds {
					if err := x.add(ctx, attribute, kind); err != nil {
						return err
					}
					wanted = append(wanted, wire.Index{Attribute: attribute, Kind: kind})
				}
			}
			if begin {
				return s.tell(map[string]string{"state": "building"}, "Begun.")
			}
			if err := awaitIndexes(ctx, x, wanted); err != nil {
				return err
			}
			return s.tell(map[string]string{"state": "ready"}, "Ready.")
		}),
	}
	o.registerKinds(cmd)
	cmd.Flags().BoolVar(&begin, "begin", false, "do not wait")
	return cmd
}

// awaitIndexes waits until no wanted index is being built.
func awaitIndexes(ctx context.Context, x indexes, wanted []wire.Index) error {
	var show *progress
	defer func() {
		if show != nil {
			show.done()
		}
	}()
	for {
		list, err := x.list(ctx)
		if err != nil {
			return err
		}
		var done, of uint64
		for _, y := range list {
			for _, w := range wanted {
				if !strings.EqualFold(y.Attribute, w.Attribute) || y.Kind != w.Kind || y.State != "building" {
					continue
				}
				if y.Fault != "" {
					return fmt.Errorf("%s (%s) cannot be built: %s", y.Attribute, y.Kind, y.Fault)
				}
				done, of = done+y.Done, of+max(y.Of, 1)
			}
		}
		if of == 0 {
			return nil
		}
		if show == nil {
			show = newCount("indexing", int(of))
		}
		show.at(int(done))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func indexRemoveCommand(o *indexOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove ATTRIBUTE...",
		Short:   "Remove indexes that were added",
		Example: `  tallystick index remove telephoneNumber --kind equality,substring -D admin`,
		Args:    usage(cobra.MinimumNArgs(1)),
		RunE: o.run(func(ctx context.Context, x indexes, s *totpSession, attributes []string) error {
			for _, attribute := range attributes {
				for _, kind := range o.kinds {
					if err := x.remove(ctx, attribute, kind); err != nil {
						return err
					}
				}
			}
			return s.tell(map[string]string{"state": "removed"}, "Removed.")
		}),
	}
	o.registerKinds(cmd)
	return cmd
}

// serverIndexes are those of a running server.
type serverIndexes struct{ s *totpSession }

func (x serverIndexes) list(ctx context.Context) ([]wire.Index, error) {
	r, err := x.s.manageServer(ctx, wire.ManageServerRequest{Action: wire.ServerIndexes})
	return r.Indexes, err
}

func (x serverIndexes) add(ctx context.Context, attribute, kind string) error {
	_, err := x.s.manageServer(ctx, wire.ManageServerRequest{Action: wire.ServerAddIndex, Attribute: attribute, Kind: kind})
	return err
}

func (x serverIndexes) remove(ctx context.Context, attribute, kind string) error {
	_, err := x.s.manageServer(ctx, wire.ManageServerRequest{Action: wire.ServerRemoveIndex, Attribute: attribute, Kind: kind})
	return err
}

// folderIndexes are those of a data folder.
type folderIndexes struct{ d *directory.Directory }

// machine is who works on a data folder.
var machine = directory.Requester{How: directory.ByServer}

func (x folderIndexes) list(ctx context.Context) ([]wire.Index, error) {
	list, err := x.d.Indexes(ctx, machine)
	var all []wire.Index
	for _, i := range list {
		all = append(all, wire.Index{Attribute: i.Attribute, Kind: string(i.Kind), State: i.State, Done: i.Done, Of: i.Of, Fault: i.Fault})
	}
	return all, err
}

// add builds the index, or goes on building it.
func (x folderIndexes) add(ctx context.Context, attribute, kind string) error {
	err := x.d.AddIndex(ctx, machine, attribute, directory.IndexKind(kind))
	if errors.Is(err, directory.AttributeOrValueExists) && x.building(ctx, attribute, kind) {
		err = nil
	}
	if err != nil {
		return err
	}
	building, done := context.WithCancel(ctx)
	go func() {
		defer done()
		err = x.d.BuildIndexes(ctx)
	}()
	_ = awaitIndexes(building, x, []wire.Index{{Attribute: attribute, Kind: kind}}) // it only shows
	<-building.Done()
	return err
}

func (x folderIndexes) building(ctx context.Context, attribute, kind string) bool {
	list, err := x.list(ctx)
	for _, i := range list {
		if strings.EqualFold(i.Attribute, attribute) && i.Kind == kind {
			return err == nil && i.State == "building"
		}
	}
	return false
}

func (x folderIndexes) remove(ctx context.Context, attribute, kind string) error {
	if err := x.d.RemoveIndex(ctx, machine, attribute, directory.IndexKind(kind)); err != nil {
		return err
	}
	return x.d.BuildIndexes(ctx)
}
