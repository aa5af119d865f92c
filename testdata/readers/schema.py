# The subschema as python3-ldap3 reads it, one definition a line.
import sys
import ldap3


def names(values):
    return ",".join(sorted(v.lower() for v in values or []))


def one(values):
    return (values[0] if isinstance(values, (list, tuple)) else values).lower() if values else ""


server = ldap3.Server(sys.argv[1], get_info=ldap3.ALL)
with ldap3.Connection(server):
    schema = server.schema
    lines = set()
    for a in schema.attribute_types.values():
        lines.add("|".join([
            "attribute", a.oid, names(a.name), one(a.superior), one(a.equality), one(a.ordering), one(getattr(a, "substr", None)), one(a.syntax),
            "single" if a.single_value else "", "kept" if a.no_user_modification else "", one(a.usage).replace("_", "").replace("userapplications", ""),
        ]))
    for c in schema.object_classes.values():
        lines.add("|".join([
            "class", c.oid, names(c.name), names(c.superior), c.kind.lower(), names(c.must_contain), names(c.may_contain),
        ]))
print("\n".join(sorted(lines)))
