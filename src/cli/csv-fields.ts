/** CSV fields `key=value`; a bare word is `[word, '']`. */
export function csvFields(text: string): readonly (readonly [string, string])[] {
  return text.split(',').map((part) => {
    const at = part.indexOf('=');
    return at === -1 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
  });
}
