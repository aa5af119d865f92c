// A client of gRPC-Web as a page in a browser has it. Arguments: the URL of the
// bridge, an Authorization header, a userId, a file with a FileDescriptorSet.
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const [baseUrl, authorization, userId, descriptors] = process.argv.slice(2);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const authorize = (next) => (request) => {
  request.header.set("Authorization", authorization);
  return next(request);
};
const transport = createGrpcWebTransport({ baseUrl, interceptors: [authorize] });
const client = createClient(registry.getService("zitadel.user.v3alpha.UserService"), transport);

const started = await client.startTOTPRegistration({ userId });
const { user } = await client.getUserByID({ userId });
const removed = await client.removeTOTPAuthenticator({ userId, totpId: started.totpId });
const again = await client.removeTOTPAuthenticator({ userId, totpId: started.totpId }).catch(ConnectError.from);
const [detail] = again.findDetails(registry.getMessage("zitadel.v1.ErrorDetail"));

console.log(JSON.stringify({
  secret: started.secret.length,
  sequences: [started.details.sequence, removed.details.sequence].map(String),
  totps: user.authenticators.totps.map((t) => [t.totpId === started.totpId, t.isVerified]),
  again: [Code[again.code], detail?.id],
}));
