// What the registry code takes from the machine, as values: environment variables and directories.
// Nothing below reads process.env by itself, so tests and libraries decide what is seen.

export interface RegistryEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** `/etc`, or a stand-in. */
  readonly etc: string;
}

/** `env` is usually process.env; `home` falls back to `$HOME`, then to the root directory. */
export const registryEnvironment = (env: Readonly<Record<string, string | undefined>>, etc = '/etc'): RegistryEnvironment => ({
  env,
  home: env['HOME'] || '/',
  etc,
});

/** `$XDG_CONFIG_HOME` or `~/.config`. */
export const configHome = ({ env, home }: RegistryEnvironment): string => env['XDG_CONFIG_HOME'] || `${home}/.config`;
