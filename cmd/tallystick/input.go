package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"tallystick/directory"
	"tallystick/internal/ldif"
)

// input is the LDIF files of one import, read one after another.
type input struct {
	files []inputFile
	opts  ldif.Options
	read  func(octets int)  // told of what is read; nil: nobody listens
	tell  func(text string) // told of each bad record; nil: the first one ends the import

	at     int          // index of the file being read
	reader *ldif.Reader // of that file; nil: not begun
	bad    int          // records skipped
	told   int          // line of the last one; not told of again after a rewind
}

type inputFile struct {
	name    string
	content io.ReadSeeker
	close   func() error
	before  int // lines in the files before this one
}

// standardInput is the name that stands for it.
const standardInput = "-"

// openInput opens the files. The standard input is copied to a temporary file
// in folder, since the files may be read twice.
func openInput(names []string, stdin io.Reader, folder string) (*input, error) {
	in := &input{}
	for _, name := range names {
		var f *os.File
		var err error
		if name == standardInput {
			name = "standard input"
			f, err = spool(stdin, folder)
		} else {
			f, err = os.Open(name)
		}
		if err != nil {
			return nil, errors.Join(err, in.close())
		}
		in.files = append(in.files, inputFile{name: name, content: f, close: f.Close})
	}
	return in, nil
}

// spool copies r to a file that has no name.
func spool(r io.Reader, folder string) (*os.File, error) {
	f, err := os.CreateTemp(folder, ".import-*")
	if err != nil {
		return nil, err
	}
	// The name goes first, so that a kill leaves no passwords behind.
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := io.Copy(f, r); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (in *input) close() error {
	var errs []error
	for _, f := range in.files {
		if f.close != nil {
			errs = append(errs, f.close())
		}
	}
	return errors.Join(errs...)
}

// rewind goes back to the beginning of the first file.
func (in *input) rewind() { in.at, in.reader, in.bad = 0, nil, 0 }

// octets is how long all files are.
func (in *input) octets() (octets int64, err error) {
	for _, f := range in.files {
		n, err := f.content.Seek(0, io.SeekEnd)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", f.name, err)
		}
		octets += n
	}
	return octets, nil
}

// next returns the next record that is well-formed, or io.EOF. Its line is
// counted through all files.
func (in *input) next() (*ldif.Record, error) {
	for in.at < len(in.files) {
		f := &in.files[in.at]
		if in.reader == nil {
			if _, err := f.content.Seek(0, io.SeekStart); err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			in.reader = ldif.NewReader(counter{f.content, in.read}, in.opts)
		}
		rec, err := in.reader.Next()
		switch e := (*ldif.Error)(nil); {
		case err == io.EOF:
			if in.at++; in.at < len(in.files) {
				in.files[in.at].before = f.before + in.reader.Line()
			}
			in.reader = nil
		case errors.As(err, &e):
			if err := in.refuse(f.before+e.Line, errors.New(e.Reason)); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, fmt.Errorf("%s: %w", f.name, err)
		case len(rec.Controls) > 0:
			err := fmt.Errorf("control %s: an import has no controls", rec.Controls[0].OID)
			if err := in.refuse(f.before+rec.Line, err); err != nil {
				return nil, err
			}
		default:
			rec.Line += f.before
			return rec, nil
		}
	}
	return nil, io.EOF
}

// refuse tells of a bad record. It returns an error if that ends the import.
// The line is counted through all files.
func (in *input) refuse(line int, reason error) error {
	i := sort.Search(min(in.at, len(in.files)-1), func(i int) bool { return in.files[i+1].before >= line })
	bad := fmt.Errorf("%s:%d: %w", in.files[i].name, line-in.files[i].before, reason)
	if in.tell == nil {
		return bad
	}
	in.bad++
	if line > in.told {
		in.told = line
		in.tell(bad.Error())
	}
	return nil
}

// source is the input as the directory wants it.
func (in *input) source() directory.ImportSource {
	return directory.ImportSource{
		Next: func() (*directory.ImportRecord, error) {
			rec, err := in.next()
			if err != nil {
				return nil, err
			}
			return &directory.ImportRecord{Line: rec.Line, Request: request(rec)}, nil
		},
		Bad: func(rec *directory.ImportRecord, err error) error {
			return in.refuse(rec.Line, err)
		},
	}
}

// request is the operation that a record asks for.
func request(rec *ldif.Record) any {
	switch rec.Change {
	case ldif.Delete:
		return &directory.DeleteRequest{Entry: rec.DN}
	case ldif.Modify:
		return &directory.ModifyRequest{Object: rec.DN, Changes: rec.Changes}
	case ldif.ModifyDN:
		return &directory.ModifyDNRequest{Entry: rec.DN, NewRDN: rec.NewRDN, DeleteOldRDN: rec.DeleteOldRDN, NewSuperior: rec.NewSuperior}
	}
	return &directory.AddRequest{Entry: rec.DN, Attributes: rec.Attributes}
}

// counter tells of what is read through it.
type counter struct {
	r    io.Reader
	read func(octets int)
}

func (c counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.read != nil {
		c.read(n)
	}
	return n, err
}
