package enrol

import "golang.org/x/text/language"

// languages are those that texts has, the first for everybody else.
var languages = []string{"en", "de"}

var matcher = func() language.Matcher {
	var tags []language.Tag
	for _, l := range languages {
		tags = append(tags, language.Make(l))
	}
	return language.NewMatcher(tags)
}()

// languageFor is the best of languages for an Accept-Language header (RFC 9110,
// section 12.5.4).
func languageFor(accept string) string {
	wanted, _, _ := language.ParseAcceptLanguage(accept) // what is malformed wants nothing
	_, i, _ := matcher.Match(wanted...)
	return languages[i]
}
