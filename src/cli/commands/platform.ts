// --platform of commands that look at one image.
import { hostPlatform, type Platform, parsePlatform } from '../../core/platform.ts';
import type { ParsedArgs } from '../flags/flag.ts';
import type { Cli } from './command.ts';

/** `env` is for commands whose default Docker takes from the environment: those that fetch images. */
export function wantedPlatform(args: ParsedArgs, env: Cli['env'] = {}): Platform {
  const text = args.values.get('platform') || env['DOCKER_DEFAULT_PLATFORM'];
  return text === undefined || text === '' || text === 'local' ? hostPlatform(process.arch) : parsePlatform(text);
}
