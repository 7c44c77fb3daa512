// `login` and `logout`.
import { createRegistryClient } from '../../push/registry/client.ts';
import { removeLogin, saveLogin } from '../../push/registry/credentials/login.ts';
import { registryEnvironment } from '../../push/registry/environment.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Asks the registry, then keeps the credential. Returns where. Errors: 'registry/unauthorized' and others of the registry. */
export async function checkAndSaveLogin(host: string, username: string, password: string, env: Env, signal: AbortSignal): Promise<string> {
  const environment = registryEnvironment(env);
  const credential = { type: 'basic', username, password } as const;
  const client = createRegistryClient({ environment });
  try {
    await client.checkLogin(host, credential, signal);
  } finally {
    client.close();
  }
  return saveLogin(host, credential, environment);
}

/** false when there was nothing to forget. */
export const forgetLogin = (host: string, env: Env): Promise<boolean> => removeLogin(host, registryEnvironment(env));
