package pingdirectory

import (
	"context"
	"net/http"
	"slices"
)

// endpoint is one method of a resource: what it takes, and how it is done.
type endpoint struct {
	query   []string // the parameters it has; nil: the query is not looked at
	members []string // the members of its body, which are strings; nil: see object
	object  bool     // its body is an object of its own kind
	serve   func(context.Context, *Handler, *call) (*reply, error)
}

// resource is what a path stands for.
type resource struct {
	name    string // for the log
	methods map[string]endpoint
}

// allowed lists the methods.
func (r resource) allowed() []string {
	order := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	return slices.DeleteFunc(order, func(m string) bool { _, ok := r.methods[m]; return !ok })
}

// post is a resource with one method.
func post(name string, e endpoint) resource {
	return resource{name, map[string]endpoint{http.MethodPost: e}}
}

func get(name string, e endpoint) resource {
	return resource{name, map[string]endpoint{http.MethodGet: e}}
}

// theServer is /directory/v1 itself.
var theServer = resource{"server", map[string]endpoint{
	http.MethodGet:  {serve: metadata},
	http.MethodPost: {query: showing, object: true, serve: createEntry},
}}

// showing is the parameters of all that answers with one entry.
var showing = []string{includeAttributes, excludeAttributes, expand}

// fixed is what has a name of its own below it.
var fixed = map[string]resource{
	"authenticate":         post("authenticate", endpoint{object: true, serve: authenticate}),
	"suggestPassword":      post("suggestPassword", endpoint{object: true, serve: suggestPassword}),
	"passwordRequirements": post("passwordRequirements", endpoint{object: true, serve: passwordRequirements}),

	"schemas": get("schemas", endpoint{serve: listSchemas}),
}

// oneSchema is /directory/v1/schemas/{objectclass}.
var oneSchema = get("schema", endpoint{serve: getSchema})

// ofEntry is what there is of an entry: by the path behind its name.
var ofEntry = map[string]resource{
	"": {"entry", map[string]endpoint{
		http.MethodGet:    {query: showing, serve: getEntry},
		http.MethodPut:    {query: showing, object: true, serve: putEntry},
		http.MethodPatch:  {query: showing, object: true, serve: patchEntry},
		http.MethodDelete: {object: true, serve: deleteEntry},
	}},
	"subtree":        get("subtree", endpoint{query: searching, serve: listEntries}),
	"subtree/search": post("subtree/search", endpoint{object: true, serve: searchEntries}),

	"changePassword": post("changePassword", endpoint{object: true, serve: changePassword}),

	"generateTOTPSharedSecret": post("generateTOTPSharedSecret", endpoint{members: []string{staticPassword}, serve: generate}),
	"revokeTOTPSharedSecret":   post("revokeTOTPSharedSecret", endpoint{members: []string{staticPassword, totpSharedSecret}, serve: revoke}),
	"validateTOTPPassword":     post("validateTOTPPassword", endpoint{members: []string{totpPassword}, serve: validate}),
}
