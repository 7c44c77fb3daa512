// Tables of --call as Docker's tab writer aligns them: every cell but the last of a line is padded to the widest
// of the lines around it that have such a cell. A tab inside a cell begins another one.

export function columns(rows: readonly (readonly string[])[], gap: number): string {
  const lines = rows.map((row) => row.flatMap((cell) => cell.split('\t')));
  const widths = widthsOf(lines);
  return lines
    .map((line, row) => {
      const cells = line.map((cell, at) =>
        at === line.length - 1 ? cell : cell + ' '.repeat((widths[row]?.[at] ?? 0) + gap - width(cell)),
      );
      return `${cells.join('')}\n`;
    })
    .join('');
}

/** Of every cell: of the neighbours above, then of those below. */
function widthsOf(lines: readonly (readonly string[])[]): number[][] {
  const widths = lines.map((line) => line.slice(0, -1).map(width));
  for (const [row, cells] of widths.entries())
    for (const at of cells.keys()) cells[at] = Math.max(cells[at] ?? 0, widths[row - 1]?.[at] ?? 0);
  for (const [up, cells] of widths.toReversed().entries()) {
    const below = widths[widths.length - up];
    for (const at of cells.keys()) cells[at] = Math.max(cells[at] ?? 0, below?.[at] ?? 0);
  }
  return widths;
}

/** Code points. */
const width = (text: string): number => [...text].length;
