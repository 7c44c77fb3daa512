// A secret for one registry, as data. Values of this type go into Authorization headers and files of
// credentials only; never into errors, events or logs.

export type Credential =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  /** OAuth2 refresh token, exchanged at the token endpoint. */
  | { readonly type: 'identity-token'; readonly token: string }
  /** Sent as it is. */
  | { readonly type: 'registry-token'; readonly token: string };

/** Finds the credential for a repository (`host/path`), or for a host alone. */
export type CredentialSource = (repository: string) => Promise<Credential | null>;

export const basicHeader = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
