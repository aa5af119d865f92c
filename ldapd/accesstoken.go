package ldapd

import (
	"log/slog"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// accessToken takes PingDirectory's request for an access token. A bind that
// succeeds says in its response control why there is none.
func accessToken(op *operation, c *wire.Control) error {
	op.answer(func(code directory.ResultCode) *wire.Control {
		if code != directory.Success {
			return nil
		}
		var text wire.AccessToken
		token, err := op.c.srv.dir.AccessToken(op.c.ctx, op.c.who)
		if err != nil {
			r := directory.Result(err)
			if text.ErrorMessage = r.DiagnosticMessage; r.ResultCode == directory.Other {
				op.c.log(slog.LevelError, "no access token", "err", err)
			}
		} else {
			text.Token, text.Expires = string(token.Token), token.Expires
		}
		return &wire.Control{OID: wire.AccessTokenResponse, Value: text.Encode()}
	})
	return wire.DecodeNoValue(c.Value)
}
