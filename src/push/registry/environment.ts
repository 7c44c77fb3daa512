// What the registry code takes from the machine, as values: environment variables and directories.
// Nothing below reads process.env by itself, so tests and libraries decide what is seen.
import { homedir } from 'node:os';

export interface RegistryEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** `/etc`, or a stand-in. */
  readonly etc: string;
  /** Where containers keeps this user's runtime files: `$XDG_RUNTIME_DIR/containers`, else `/run/containers/UID`. */
  readonly run: string;
}

/** `env` is usually process.env. Without `$HOME` the account's own directory counts. */
export const registryEnvironment = (env: Readonly<Record<string, string | undefined>>, etc = '/etc'): RegistryEnvironment => ({
  env,
  home: env['HOME'] || homedir(),
  etc,
  run: env['XDG_RUNTIME_DIR'] ? `${env['XDG_RUNTIME_DIR']}/containers` : `/run/containers/${process.getuid?.() ?? 0}`,
});

/** `$XDG_CONFIG_HOME` or `~/.config`. */
export const configHome = ({ env, home }: RegistryEnvironment): string => env['XDG_CONFIG_HOME'] || `${home}/.config`;
