// `login` and `logout`: one credential into or out of the file that Docker (or $REGISTRY_AUTH_FILE) keeps. The
// rest of the file stays as it is; with a credential store configured, the secret goes there.
import { chmodSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectories } from '../../../cache/make-directory.ts';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import type { RegistryEnvironment } from '../environment.ts';
import { type AuthFile, coveringKeys, dockerConfigPath, memberTable, readAuthFile } from './auth-file.ts';
import type { Credential } from './credential.ts';
import { eraseInHelper, storeInHelper } from './credential-helper.ts';
import { helperKey } from './credentials.ts';
import { parseLoginName } from './login-name.ts';

/** Where `saveLogin` writes. */
export const loginFilePath = (environment: RegistryEnvironment): string =>
  environment.env['REGISTRY_AUTH_FILE'] || dockerConfigPath(environment);

/** `registry` as people type it (see login-name.ts). Returns where the secret went. */
export async function saveLogin(registry: string, credential: Credential, environment: RegistryEnvironment): Promise<string> {
  const { key: name } = parseLoginName(registry);
  const path = loginFilePath(environment);
  const file = readAuthFile(path) ?? { path, document: {} };
  const key = keyOf(name);
  const helper = helperOf(file, name);
  if (helper !== null) await storeInHelper(helper, key, credential, environment.env);
  const auths = { ...memberTable(file, 'auths'), [key]: helper === null ? entryOf(credential) : {} };
  writeDocument(path, { ...file.document, auths });
  return helper === null ? path : `docker-credential-${helper}`;
}

/** true when there was something to remove. */
export async function removeLogin(registry: string, environment: RegistryEnvironment): Promise<boolean> {
  const { key: name } = parseLoginName(registry);
  const path = loginFilePath(environment);
  const file = readAuthFile(path);
  if (!file) return false;
  const helper = helperOf(file, name);
  if (helper !== null) await eraseInHelper(helper, keyOf(name), environment.env);
  const auths = { ...memberTable(file, 'auths') };
  // Old spellings of the same host go, too; keys of other paths stay.
  const keys = coveringKeys(auths, name).filter((key) => !name.startsWith(`${key.replace(/\/+$/, '')}/`));
  for (const key of keys) delete auths[key];
  if (keys.length > 0) writeDocument(path, { ...file.document, auths });
  return keys.length > 0;
}

const keyOf = (name: string): string => (name.includes('/') ? name : helperKey(name));

function helperOf(file: AuthFile, name: string): string | null {
  const helpers = memberTable(file, 'credHelpers');
  const own = coveringKeys(helpers, name)[0];
  const named = own === undefined ? file.document['credsStore'] : helpers[own];
  return typeof named === 'string' && named !== '' ? named : null;
}

function entryOf(credential: Credential): Record<string, string> {
  if (credential.type === 'basic') return { auth: Buffer.from(`${credential.username}:${credential.password}`).toString('base64') };
  return credential.type === 'identity-token' ? { identitytoken: credential.token } : { registrytoken: credential.token };
}

/** Whole or not at all, readable by the user only. A symlink (dotfiles kept elsewhere) stays one. */
function writeDocument(path: string, document: Readonly<Record<string, unknown>>): void {
  try {
    makeDirectories(dirname(path), 0o700);
    const target = resolved(path);
    const temporary = `${target}.${process.pid}.tmp`;
    try {
      writeFileSync(temporary, `${JSON.stringify(document, null, '\t')}\n`, { mode: 0o600, flag: 'wx' });
      chmodSync(temporary, 0o600);
      renameSync(temporary, target);
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch (error) {
    throw new TsbuildError({
      code: 'registry/bad-config',
      message: `${path}: cannot be written (${errnoOf(error) ?? 'unknown error'})`,
      cause: error,
    });
  }
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
