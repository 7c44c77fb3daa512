// What a downloaded file is called (D-05), and how its URL is shown.
import { TsbuildError } from '../../../core/errors.ts';

/** Without user, password and query, which may be secret. */
export const shownUrl = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}`;

/** Throws build/download for text that is no http URL. */
export function parseHttpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && decoded(url.pathname) !== null) return url;
  throw new TsbuildError({
    code: 'build/download',
    message: `${JSON.stringify(
      text
        .replace(/[?#].*$/s, '')
        .replace(/\/\/[^/]*@/, '//')
        .slice(0, 200),
    )} is no URL that can be downloaded`,
    hint: 'A percent sign that is meant as such is written %25.',
  });
}

/** Last element of the path, as ADD has it. */
export const nameOfUrl = (url: URL): string => lastElement(url) ?? '__unnamed__';

/** For a context that is a download: the server's name for the file, else that of the URL. */
export function nameOfDownload(url: URL, disposition: string | undefined): string {
  const named = /;\s*filename="?([^";]+)"?/i.exec(disposition ?? '')?.[1];
  return (named !== undefined && isName(named) ? named : lastElement(url)) ?? 'download';
}

function lastElement(url: URL): string | null {
  const last = (decoded(url.pathname) ?? '').replace(/\/+$/, '').split('/').at(-1) ?? '';
  return isName(last) ? last : null;
}

const isName = (text: string): boolean => text !== '' && text !== '.' && text !== '..' && !/[/\0]/.test(text);

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
