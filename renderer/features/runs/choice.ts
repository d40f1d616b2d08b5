/**
 * The chosen ids after a click on one's box. With Shift, everything shown between the box clicked before and this one becomes as this one
 * is now; ids that are not shown (on other pages of the list) stay as they are.
 */
export function chosenAfter(
  chosen: readonly string[],
  click: { id: string; isChosen: boolean; withShift: boolean },
  shown: readonly string[],
  anchor: string | null,
): string[] {
  const [from, to] = [anchor === null ? -1 : shown.indexOf(anchor), shown.indexOf(click.id)];
  const range = click.withShift && from >= 0 && to >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [click.id];
  return click.isChosen ? [...chosen, ...range.filter((id) => !chosen.includes(id))] : chosen.filter((id) => !range.includes(id));
}
