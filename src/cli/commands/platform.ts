// --platform of commands that look at one image.
import { hostPlatform, type Platform, parsePlatform } from '../../core/platform.ts';
import type { ParsedArgs } from '../flags/flag.ts';

export function wantedPlatform(args: ParsedArgs): Platform {
  const text = args.values.get('platform');
  return text === undefined ? hostPlatform(process.arch) : parsePlatform(text);
}
