// Commands about images in the store.
import { PLATFORM_FLAG } from './common.ts';
import type { CommandSpec, FlagSpec } from './flag.ts';

const QUIET: FlagSpec = { name: 'quiet', short: 'q', kind: 'switch', help: 'Digests only' };
const JSON_FORMAT: FlagSpec = {
  name: 'format',
  kind: 'value',
  placeholder: 'FORMAT',
  choices: ['table', 'json'],
  help: 'table (default) or json',
};

export const IMAGES_COMMAND: CommandSpec = {
  name: 'images',
  summary: 'List images in the store',
  usage: '',
  flags: [QUIET, JSON_FORMAT],
  min: 0,
  max: 0,
};

export const INSPECT_COMMAND: CommandSpec = {
  name: 'inspect',
  summary: 'Show manifest and config of images as JSON',
  usage: 'IMAGE…',
  flags: [PLATFORM_FLAG],
  min: 1,
  max: Infinity,
};

export const HISTORY_COMMAND: CommandSpec = {
  name: 'history',
  summary: 'Show how the layers of an image were made',
  usage: 'IMAGE',
  flags: [PLATFORM_FLAG, JSON_FORMAT, { name: 'no-trunc', kind: 'switch', help: 'Show whole instructions' }],
  min: 1,
  max: 1,
};

export const TAG_COMMAND: CommandSpec = {
  name: 'tag',
  summary: 'Give an image another name',
  usage: 'IMAGE NAME[:TAG]',
  flags: [],
  min: 2,
  max: 2,
};

export const RMI_COMMAND: CommandSpec = {
  name: 'rmi',
  summary: 'Remove names of images; prune frees the space',
  usage: 'IMAGE…',
  flags: [],
  min: 1,
  max: Infinity,
};

export const VERSION_COMMAND: CommandSpec = { name: 'version', summary: 'Show the version', usage: '', flags: [], min: 0, max: 0 };
