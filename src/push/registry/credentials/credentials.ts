// Finds credentials where other tools keep them. Hosts are compared whole: a look-alike such as
// `registry.example.com.evil.org` never gets the secret of `registry.example.com`.

import type { RegistryEnvironment } from '../environment.ts';
import { type AuthFile, coveringKeys, credentialOfEntry, HUB_KEY, HUB_NAMES, memberTable, readAuthFiles } from './auth-file.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { getFromHelper } from './credential-helper.ts';

/** Reads the files when first asked. The first file with a credential for the repository wins. */
export function createCredentialSource(environment: RegistryEnvironment): CredentialSource {
  let files: AuthFile[] | undefined;
  return async (repository) => {
    files ??= readAuthFiles(environment);
    for (const file of files) {
      const found = await findInFile(file, repository, environment);
      if (found) return found;
    }
    return null;
  };
}

/** Own helper of the host, then the file's general store, then the file itself. */
async function findInFile(file: AuthFile, repository: string, { env }: RegistryEnvironment): Promise<Credential | null> {
  const host = repository.split('/', 1)[0] ?? '';
  const helpers = memberTable(file, 'credHelpers');
  for (const key of coveringKeys(helpers, repository)) {
    const helper = helpers[key];
    if (typeof helper !== 'string' || helper === '') continue;
    const found = await getFromHelper(helper, helperKey(key.includes('/') ? key : host), env);
    if (found) return found;
  }
  const store = file.document['credsStore'];
  if (typeof store === 'string' && store !== '') {
    const found = await getFromHelper(store, helperKey(host), env);
    if (found) return found;
  }
  const auths = memberTable(file, 'auths');
  for (const key of coveringKeys(auths, repository)) {
    const found = credentialOfEntry(auths[key]);
    if (found) return found;
  }
  return null;
}

/** How the server is called towards helpers and in files. */
export const helperKey = (host: string): string => (HUB_NAMES.has(host) ? HUB_KEY : host);
