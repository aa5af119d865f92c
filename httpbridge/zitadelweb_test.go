package httpbridge_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// What pages in browsers call gRPC-Web with, in Node, where it is installed.
func TestZITADELFromJavaScript(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("zitadel/testdata/grpcweb")); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm ci: %v\n%s", err, out)
	}
	set, err := proto.Marshal(descriptors(t, "zitadel/v1/message.proto", "zitadel/user/v3alpha/user_service.proto"))
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "descriptors"), set, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, nil)
	client := exec.Command("node", "client.mjs", h.url, basic(ann, password), h.uuidOf(ann), "descriptors")
	client.Dir = folder
	out, err := client.CombinedOutput()
	const want = `{"secret":32,"sequences":["1","2"],"totps":[[true,false]],"again":["NotFound","COMMAND-Hd9sd"]}`
	if err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%s, %v", out, err)
	}
}

// descriptors are files with what they import, which comes first.
func descriptors(t *testing.T, names ...string) *descriptorpb.FileDescriptorSet {
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
	}
	for _, name := range names {
		f, err := protoregistry.GlobalFiles.FindFileByPath(name)
		if err != nil {
			t.Fatal(err)
		}
		add(f)
	}
	return set
}
