package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// Indexes that operators add stand in the store beside those that are built in:
//
//	(none) --add--> building --all entries seen--> ready --remove--> removing --all keys gone--> (none)
//
// From the moment one is added every change keeps its keys; those of the entries
// that were there before are added by a worker, batch by batch, each with the
// place it came to. Searches use it when it is ready. See indexbuild.go.

const indexesName = "indexes"

// maxIndexes is how many operators add: each costs something with every change.
const maxIndexes = 100

// Index is an index as operators see it.
type Index struct {
	Attribute string
	Kind      IndexKind
	State     string // built-in, building, ready, removing
	Done, Of  uint64 // of building: entries looked at, and how many there will be at most
	Fault     string // why it cannot be built; "": nothing is wrong
}

type indexState string

const (
	indexBuilding indexState = "building"
	indexReady    indexState = "ready"
	indexRemoving indexState = "removing"
)

// index is one that is stored.
type index struct {
	attribute string
	kind      IndexKind
	state     indexState
	next      entryID // of building: the lowest id that was not looked at
}

// name is what an index is called in the log.
func (x index) name() string { return x.attribute + " (" + string(x.kind) + ")" }

func (x index) is(y index) bool {
	return x.kind == y.kind && strings.EqualFold(x.attribute, y.attribute)
}

// readIndexes reads those that are stored: a line for each.
func readIndexes(r store.Reader) ([]index, error) {
	text, err := r.Get(metaKey(indexesName))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []index
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("the list of indexes: %w", errRecord)
		}
		next, err := strconv.ParseUint(f[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the list of indexes: %w", errRecord)
		}
		list = append(list, index{f[0], IndexKind(f[1]), indexState(f[2]), entryID(next)})
	}
	return list, nil
}

func writeIndexes(w store.Writer, list []index) {
	var b bytes.Buffer
	for _, x := range list {
		fmt.Fprintf(&b, "%s %s %s %d\n", x.attribute, x.kind, x.state, x.next)
	}
	w.Set(metaKey(indexesName), b.Bytes())
}

// openIndexes puts the stored indexes in force. Whoever calls it holds defining,
// or is alone. One whose attribute is no longer defined is removed, since its
// keys are kept no more.
func (d *Directory) openIndexes(ctx context.Context) error {
	var list []index
	err := d.store.View(ctx, func(r store.Reader) (err error) {
		list, err = readIndexes(r)
		return err
	})
	if err != nil {
		return err
	}
	lost := func(x index) bool { return d.indexable(x) != nil && x.state != indexRemoving }
	if slices.ContainsFunc(list, lost) {
		err := d.store.Update(ctx, func(w store.Writer) (err error) {
			if list, err = readIndexes(w); err != nil {
				return err
			}
			for i := range list {
				if lost(list[i]) {
					list[i].state = indexRemoving
				}
			}
			writeIndexes(w, list)
			return nil
		})
		if err != nil {
			return err
		}
		d.log.Error("an index is removed, since its attribute is not what it was")
	}
	d.indexes.Store(newIndexPlan(d.schema, list))
	return nil
}

// indexable fails if there can be no such index.
func (d *Directory) indexable(x index) error {
	t := d.schema.Attribute(x.attribute)
	switch {
	case !slices.Contains(indexKinds, x.kind):
		return Errorf(ConstraintViolation, "%.64q is no kind of index: equality, presence or substring", string(x.kind))
	case t == nil:
		return Errorf(UndefinedAttributeType, "%.64q is not defined", x.attribute)
	case secret(t):
		return Errorf(UnwillingToPerform, "%s is a secret", t.Name())
	case (t == d.builtIn.created || t == d.builtIn.modified) && x.kind == EqualityIndex:
	case t.Operational():
		return Errorf(UnwillingToPerform, "%s is computed when it is asked for", t.Name())
	case x.kind == EqualityIndex && t.EqualityRule() == nil:
		return Errorf(InappropriateMatching, "%s has no equality matching rule", t.Name())
	case x.kind == SubstringIndex && t.SubstringRule() == nil:
		return Errorf(InappropriateMatching, "%s has no substrings matching rule", t.Name())
	}
	return nil
}

// Indexes lists all indexes, those that are built in first. It takes the
// privilege config-read or config-write.
func (d *Directory) Indexes(ctx context.Context, who Requester) ([]Index, error) {
	if err := d.MaySeeConfig(ctx, who); err != nil {
		return nil, err
	}
	var all []Index
	for _, kind := range indexKinds {
		for _, name := range builtInIndexes[kind] {
			all = append(all, Index{Attribute: name, Kind: kind, State: "built-in"})
		}
	}
	err := d.view(ctx, func(r store.Reader) error {
		list, err := readIndexes(r)
		if err != nil {
			return err
		}
		of, err := peekID(r)
		if err != nil {
			return err
		}
		ready := d.indexes.Load().ready
		for _, x := range list {
			if x.state == indexReady && !ready[x.kind][d.schema.Attribute(x.attribute)] {
				x.state = indexBuilding // until searches use it
			}
			one := Index{Attribute: x.attribute, Kind: x.kind, State: string(x.state)}
			if x.state == indexBuilding {
				one.Done, one.Of = uint64(max(x.next, 1)-1), uint64(of-1)
			}
			if fault, ok := d.indexFaults.Load(x.name()); ok {
				one.Fault = fault.(string)
			}
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

// AddIndex begins an index, which TendIndexes builds. It takes the privilege
// config-write. Errors: attributeOrValueExists if it is there or being built;
// busy while it is being removed; those of what cannot be indexed.
func (d *Directory) AddIndex(ctx context.Context, who Requester, attribute string, kind IndexKind) error {
	add := index{attribute: attribute, kind: kind, state: indexBuilding}
	return d.changeIndexes(ctx, who, &add, func(list []index) ([]index, error) {
		if d.isBuiltIn(add) {
			return nil, Errorf(AttributeOrValueExists, "%s is built in", add.name())
		}
		i := slices.IndexFunc(list, add.is)
		switch {
		case i >= 0 && list[i].state == indexRemoving:
			return nil, Errorf(Busy, "%s is being removed", add.name())
		case i >= 0:
			return nil, Errorf(AttributeOrValueExists, "there is an index %s", add.name())
		case len(list) >= maxIndexes:
			return nil, Errorf(AdminLimitExceeded, "more than %d indexes", maxIndexes)
		}
		return append(list, add), nil
	})
}

// RemoveIndex ends an index: no search uses it from then on, and TendIndexes
// deletes its keys. It takes the privilege config-write. Errors:
// noSuchAttribute if there is none; unwillingToPerform if it is built in, or the
// configuration needs it.
func (d *Directory) RemoveIndex(ctx context.Context, who Requester, attribute string, kind IndexKind) error {
	gone := index{attribute: attribute, kind: kind}
	return d.changeIndexes(ctx, who, &gone, func(list []index) ([]index, error) {
		if d.isBuiltIn(gone) {
			return nil, Errorf(UnwillingToPerform, "%s is built in", gone.name())
		}
		needs := func(t *schema.AttributeType) bool { return strings.EqualFold(t.Name(), gone.attribute) }
		if kind == EqualityIndex && (slices.ContainsFunc(d.unique, needs) || slices.ContainsFunc(d.references, needs)) {
			return nil, Errorf(UnwillingToPerform, "the configuration needs %s", gone.name())
		}
		i := slices.IndexFunc(list, gone.is)
		if i < 0 || list[i].state == indexRemoving {
			return nil, Errorf(NoSuchAttribute, "there is no index %s", gone.name())
		}
		list[i].state, list[i].next = indexRemoving, 0
		return list, nil
	})
}

func (d *Directory) isBuiltIn(x index) bool {
	return slices.ContainsFunc(builtInIndexes[x.kind], func(name string) bool { return strings.EqualFold(name, x.attribute) })
}

// changeIndexes makes one change of the stored indexes, about x, while nobody
// writes entries.
func (d *Directory) changeIndexes(ctx context.Context, who Requester, x *index, change func([]index) ([]index, error)) error {
	enough := func(may privileges) bool { return may.configWrite }
	if err := d.require(ctx, who, enough); err != nil {
		return err
	}
	if err := d.indexable(*x); err != nil {
		return err
	}
	x.attribute = d.schema.Attribute(x.attribute).Name()
	Slow(ctx)
	d.defining.Lock()
	defer d.defining.Unlock()
	if err := d.require(ctx, who, enough); err != nil { // still, now that nobody can take it away
		return err
	}
	err := d.update(ctx, func(w store.Writer) error {
		list, err := readIndexes(w)
		if err != nil {
			return err
		}
		if list, err = change(list); err != nil {
			return err
		}
		writeIndexes(w, list)
		w.Set(metaKey("format"), []byte(formatVersion))
		return nil
	})
	if err != nil {
		return err
	}
	d.indexFaults.Delete(x.name())
	d.log.Info("the indexes were changed", "index", x.name(), "by", who.DN)
	select {
	case d.indexWork <- struct{}{}:
	default:
	}
	return d.openIndexes(context.WithoutCancel(ctx))
}
