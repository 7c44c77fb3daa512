// Slash paths of an image as BuildKit treats them: pure text work after Go's path.Clean and path.Join.

/** Cleaned absolute form: one leading slash, no `.`/`..`/empty components, `..` stops at the root. */
export function cleanAbsolute(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** Relative paths join `base` (absolute); the result is cleaned. */
export const resolvePath = (base: string, path: string): string => cleanAbsolute(path.startsWith('/') ? path : `${base}/${path}`);

/** As a path below a tree's root: cleaned, no leading slash, '' is the root itself (C-02). */
export const rootRelative = (path: string): string => cleanAbsolute(path).slice(1);

/** Last component; '' of the root. */
export const baseName = (path: string): string => path.replace(/\/+$/, '').split('/').at(-1) ?? '';

/** C-20, C-21: the destination was written as a directory. */
export const isDirectoryText = (path: string): boolean => path === '' || path === '.' || path.endsWith('/') || path.endsWith('/.');
