// An OpenID provider with one client, which gets access tokens for itself: packages, port.

import { generateKeyPairSync } from "node:crypto";
import { pathToFileURL } from "node:url";

const [packages, port] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${packages}/oidc-provider/lib/index.js`));

const signing = (kid, type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }),
  kid,
  alg,
  use: "sig",
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "weather",
      client_secret: "not-a-secret",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  jwks: {
    keys: [
      signing("rsa", "rsa", { modulusLength: 2048 }, "RS256"),
      signing("ec", "ec", { namedCurve: "P-256" }, "ES256"),
    ],
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        scope: "sessions:read",
        audience: new URL(resource).pathname.slice(1),
        accessTokenFormat: "jwt",
        accessTokenTTL: 300,
        jwt: { sign: { alg: resource.startsWith("https://ec.") ? "ES256" : "RS256" } },
      }),
    },
  },
});
provider.listen(Number(port), "127.0.0.1");
