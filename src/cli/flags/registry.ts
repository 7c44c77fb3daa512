// Commands that talk to registries.
import { PLATFORM_FLAG, PROGRESS_FLAG } from './common.ts';
import type { CommandSpec } from './flag.ts';

export const PULL_COMMAND: CommandSpec = {
  name: 'pull',
  summary: 'Fetch images into the store',
  usage: 'IMAGE…',
  flags: [PLATFORM_FLAG, PROGRESS_FLAG, { name: 'quiet', short: 'q', kind: 'switch', help: 'No progress; print digests' }],
  min: 1,
  max: Infinity,
};

export const PUSH_COMMAND: CommandSpec = {
  name: 'push',
  summary: 'Send images to their registries',
  usage: 'IMAGE…',
  flags: [PROGRESS_FLAG, { name: 'quiet', short: 'q', kind: 'switch', help: 'No progress; print digests' }],
  min: 1,
  max: Infinity,
};

export const LOGIN_COMMAND: CommandSpec = {
  name: 'login',
  summary: 'Check credentials with a registry and remember them',
  usage: '[HOST]',
  flags: [
    { name: 'username', short: 'u', kind: 'value', placeholder: 'NAME', help: 'User name' },
    {
      name: 'password',
      short: 'p',
      kind: 'value',
      placeholder: 'PASSWORD',
      help: 'Password or token (other users can see it; prefer --password-stdin)',
    },
    { name: 'password-stdin', kind: 'switch', help: 'Read the password from stdin' },
  ],
  min: 0,
  max: 1,
  examples: ['tsbuild login -u me --password-stdin registry.example < token'],
};

export const LOGOUT_COMMAND: CommandSpec = {
  name: 'logout',
  summary: 'Forget the credentials of a registry',
  usage: '[HOST]',
  flags: [],
  min: 0,
  max: 1,
};
