package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"tallystick/directory/schema"
)

// maxSchemaFile is several times the largest known.
const maxSchemaFile = 4 << 20

// schema is the built-in definitions and those in the files of the
// configuration.
func (c *config) schema() (*schema.Schema, error) {
	var all []schema.Definition
	var faults []error
	for _, name := range c.Directory.Schema {
		list, err := readSchemaFile(name)
		all = append(all, list...)
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return schema.New(all...)
}

func readSchemaFile(name string) ([]schema.Definition, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("directory.schema: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSchemaFile+1))
	if err != nil {
		return nil, fmt.Errorf("directory.schema: %w", err)
	}
	if len(text) > maxSchemaFile {
		return nil, fmt.Errorf("directory.schema: %s is longer than %d octets", name, maxSchemaFile)
	}
	return schema.ReadFile(name, string(text))
}
