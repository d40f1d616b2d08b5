import { dragOver, goTo, scrollTo, settle } from './pages.mjs';

/** @typedef {import('playwright-core').Page} Page @typedef {import('./film.mjs').Film} Film */

/** The run of the film, and what stands beside it afterwards. */
export const RUN = 'Learns TypeScript';
/** Behind which blocks copies stand in every run: only runs of one plan measure the same held-out tokens unless they are told to. */
export const PLACES = '2,4,5';
export const WITHOUT_REPLAY = 'Without replay';
export const STEPS = '140';
/** So many frames of the training. */
const TRAINING_FRAMES = 44;
/** What both voices of the playground go on from: a beginning in the style of the new data. */
export const PROMPT = "import { readFile } from 'node:";

/** From dropped files to a run that is done. @param {Page} page @param {Film} film @param {string} code folder to drop */
export async function dataToRun(page, film, code) {
  const pageOf = (/** @type {string} */ name) => page.getByRole('button', { name, exact: true });
  await settle(page);
  await film.say('Data', 'Strata teaches a LLaMA something new, and shows what it forgets.');
  await film.show(1500);
  const letGo = await dragOver(page, [code]);
  await settle(page);
  await film.say('Data', 'Drop in what it shall learn: files, archives or whole folders.');
  await film.show(1300);
  await letGo();
  await pageOf('Import').waitFor();
  await settle(page);
  await film.say('Data', 'Nothing is read before you have seen what becomes of it.');
  await film.show(1600);
  await film.click(pageOf('Import'));
  await page.getByRole('progressbar').first().waitFor();
  await film.show(500);
  await page.getByRole('link', { name: 'Go on to Train' }).or(pageOf('Go on to Train')).waitFor();
  await settle(page);
  await film.say('Data', 'New is what it shall learn, old is what it must not forget.');
  await film.show(700);
  const card = page.getByRole('list', { name: 'Imports' }).getByRole('region', { name: 'TypeScript code' });
  await film.click(card.getByText('New', { exact: true }));
  await settle(page);
  await film.show(900);
  await film.click(page.getByRole('link', { name: 'Go on to Train' }).or(pageOf('Go on to Train')));
  await page.getByText('Checked with the data.').waitFor();
  await settle(page);
  await film.show(900);
  await film.click(page.getByRole('group', { name: 'Role of English novels' }).getByText('Old', { exact: true }));
  await page
    .getByText(/far apart/)
    .first()
    .waitFor();
  await page.getByText('Checked with the data.').waitFor();
  await settle(page);
  await film.show(1100);

  await scrollTo(page, page.getByRole('heading', { name: 'Mixture' }));
  await film.say('Mix', 'How much of the old is replayed: a share in tokens, exact at every moment.');
  await film.show(1200);
  await film.point(page.getByRole('slider').first(), 600);

  await scrollTo(page, page.getByRole('heading', { name: 'Plan', exact: true }));
  await settle(page);
  await film.say('Plan', 'Where new blocks go. They are copies that change nothing until they learn.');
  await film.show(1400);
  await film.click(page.getByRole('button', { name: 'Insert a copy after block 4' }));
  await settle(page);
  await film.show(1300);
  await page.getByLabel(/^Steps/).fill(STEPS);
  await page.getByLabel('Name (optional)').fill(RUN);
  await page.getByText(`${STEPS} steps of 8`).waitFor();
  await scrollTo(page, page.getByRole('heading', { name: 'Plan', exact: true }));
  await film.click(page.getByRole('button', { name: /^Expand and train/ }));
  await page.getByText(/^step [1-9]/).waitFor({ timeout: 120_000 });
  await filmTraining(page, film);
}

/** The course of the run, faster than it was. @param {Page} page @param {Film} film */
async function filmTraining(page, film) {
  await film.say('Train', 'Only the new blocks learn. New and old knowledge are measured on the way.');
  await scrollTo(page, page.getByText(/^step [1-9]/), 40);
  const done = page.getByText('done', { exact: true });
  const reached = async () => Number(/^step (\d+)/.exec((await page.getByText(/^step \d+ of/).textContent({ timeout: 2000 })) ?? '')?.[1]);
  for (let frame = 0; frame < TRAINING_FRAMES && (await done.count()) === 0; frame++) {
    await film.show(140);
    const next = ((frame + 1) * Number(STEPS)) / TRAINING_FRAMES;
    while ((await reached().catch(() => next)) < next) await page.waitForTimeout(300);
  }
  await done.waitFor({ timeout: 600_000 });
  await page.evaluate("document.querySelector('main').scrollTo(0, 0)");
  await settle(page);
  await film.say('Result', 'What was gained, what was forgotten, what it cost: on text it never trained on.');
  await film.show(2700);
}

/** The comparison with the other runs, and the playground. @param {Page} page @param {Film} film */
export async function ending(page, film) {
  await goTo(page, 'Runs');
  for (const name of [RUN, WITHOUT_REPLAY]) await page.getByRole('checkbox', { name: `Tick ${name}`, exact: true }).check();
  await page.getByRole('group', { name: 'Ticked runs' }).getByRole('link', { name: 'Compare' }).click();
  await page.getByRole('heading', { name: '2 runs compared' }).waitFor();
  await settle(page);
  await film.say('Compare', 'Which run is better, or that the data cannot tell.');
  await film.show(2700);
  await askPlayground(page);
  await film.say('Compare', 'The base stays as it is. The new blocks can be turned down, or off.');
  await film.show(3000);
}

/** Base and trained model side by side. @param {Page} page */
export async function askPlayground(page) {
  await goTo(page, 'Runs');
  await page.getByRole('link', { name: RUN, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: RUN }).waitFor();
  await page.getByRole('link', { name: 'Playground' }).last().click();
  await page.getByLabel('Prompt', { exact: true }).fill(PROMPT);
  await page.getByLabel('Tokens', { exact: true }).fill('40');
  await page.getByRole('button', { name: 'Ask all' }).click();
  await page.getByText('likelier here than with the other voice').waitFor();
  await page.getByRole('button', { name: 'Ask all' }).waitFor();
  await settle(page);
}
