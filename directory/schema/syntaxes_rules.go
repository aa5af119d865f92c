package schema

// The descriptions that the server has none of, but takes as values: content and
// structure rules, name forms, uses of matching rules (RFC 4512, section 4.1).

// checkContentRule is RFC 4517, section 3.3.7.
func checkContentRule(value []byte) error {
	return checkParts(value, nil, map[string]func(*parser){"AUX": oidList, "MUST": oidList, "MAY": oidList, "NOT": oidList})
}

// checkStructureRule is section 3.3.8; its number stands where others have an OID.
func checkStructureRule(value []byte) error {
	return checkParts(value, []string{"FORM"}, map[string]func(*parser){"FORM": oneOID, "SUP": ruleNumbers})
}

// checkRuleUse is section 3.3.20.
func checkRuleUse(value []byte) error {
	return checkParts(value, []string{"APPLIES"}, map[string]func(*parser){"APPLIES": oidList})
}

// checkNameForm is section 3.3.22.
func checkNameForm(value []byte) error {
	return checkParts(value, []string{"OC", "MUST"}, map[string]func(*parser){"OC": oneOID, "MUST": oidList, "MAY": oidList})
}

func oneOID(p *parser)  { p.oid() }
func oidList(p *parser) { p.oids() }

func ruleNumbers(p *parser) {
	if !p.accept('(') {
		p.word()
		return
	}
	for p.err == nil && !p.accept(')') {
		p.word()
	}
}

// checkParts fails unless value is a description with the parts that all have, and
// those given; the demanded ones must be there.
func checkParts(value []byte, demanded []string, parts map[string]func(*parser)) error {
	var oid string
	var extensions []Extension
	seen := map[string]bool{}
	err := parse(string(value), &oid, &extensions, func(p *parser, word string) bool {
		seen[word] = true
		switch read := parts[word]; {
		case read != nil:
			read(p)
		case word == "NAME":
			p.qdescrs()
		case word == "DESC":
			p.qdstring()
		case word != "OBSOLETE":
			return false
		}
		return true
	})
	if err != nil {
		return valueErrorf("%s", err)
	}
	for _, word := range demanded {
		if !seen[word] {
			return valueErrorf("no %s", word)
		}
	}
	return nil
}
