/**
 * Mouse, wheel, keys and fingers of real Chromium on the playing video arrive at the sink, on the pixels of the stream, from the
 * published gstwebrtc-api and from this project's library alike.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CommandProcess } from './command-process.ts';
import { startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();
const fromRoot = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

interface Controller extends EventTarget {
  attachVideoElement(video: HTMLVideoElement | null): void;
  sendControlRequest(request: unknown): number;
}
interface Session extends EventTarget {
  readonly streams: MediaStream[];
  readonly remoteController: Controller | null;
  connect(): boolean;
}
interface Api {
  registerConnectionListener(listener: object): boolean;
  registerPeerListener(listener: object): boolean;
  getAvailableProducers(): { id: string }[];
  createConsumerSession(id: string): Session;
}
type Scope = { GstWebRTCAPI: new (config: object) => Api; session: Session; responses: { id: number; error: string | null }[] };

let sink: CommandProcess;

/** As a script that leaves `GstWebRTCAPI` in the page. */
const libraries = {
  'gstwebrtc-api 3.0.0': () => readFile(fromRoot('node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.min.js'), 'utf8'),
  '@tswebrtc/browser': async () => {
    const built = (await build({
      logLevel: 'error',
      configFile: false,
      resolve: { alias: { '@tswebrtc/protocol': fromRoot('packages/protocol/src/index.ts') } },
      build: {
        write: false,
        lib: { entry: fromRoot('packages/browser/src/index.ts'), formats: ['iife'], name: 'library', fileName: 'l' },
      },
    })) as Rolldown.RolldownOutput[];
    return `${built[0]!.output[0].code};window.GstWebRTCAPI = library.GstWebRTCAPI;`;
  },
};

/** The picture is 640×360 in a box of 400×400: 400×225 of it, with 87.5 above. */
const STYLE =
  'width:400px;height:400px;padding:10px 20px;border:3px solid;box-sizing:content-box;object-fit:contain;margin-top:300px';
const SCALE = 400 / 640;

/** Plays the sink's stream and lets the viewer control it. */
async function play(library: keyof typeof libraries, style = STYLE): Promise<Page> {
  sink = await startSink(['testsrc:width=640,height=360', '--enable-control-data-channel']);
  const context = await chromium.browser.newContext({
    deviceScaleFactor: 2,
    hasTouch: true,
    viewport: { width: 900, height: 700 },
  });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.setContent('<body style="height:3000px"><video id="picture" autoplay muted playsinline></video></body>');
  await page.addScriptTag({ content: await libraries[library]() });
  await page.evaluate(
    ([signalingServerUrl, css]) => {
      const scope = window as unknown as Scope;
      const video = document.querySelector('video')!;
      video.style.cssText = css!;
      scope.responses = [];
      const api = new scope.GstWebRTCAPI({ signalingServerUrl, webrtcConfig: { iceServers: [], bundlePolicy: 'max-bundle' } });
      const begin = (): void => {
        const [producer] = api.getAvailableProducers();
        if (!producer || scope.session) return;
        const session = api.createConsumerSession(producer.id);
        scope.session = session;
        session.addEventListener('streamsChanged', () => {
          video.srcObject = session.streams[0] ?? null;
        });
        session.addEventListener('remoteControllerChanged', () => {
          session.remoteController?.attachVideoElement(video);
          session.remoteController?.addEventListener('controlResponse', (event) =>
            scope.responses.push((event as CustomEvent<{ id: number; error: string | null }>).detail),
          );
        });
        session.connect();
      };
      api.registerPeerListener({ producerAdded: begin, producerRemoved: () => {} });
      api.registerConnectionListener({ connected: begin, disconnected: () => {} });
    },
    [sink.signallingUri, style],
  );
  const ready = () =>
    page.evaluate(
      () => (document.querySelector('video')?.videoWidth ?? 0) * ((window as unknown as Scope).session?.remoteController ? 1 : 0),
    );
  await expect.poll(ready, { timeout: 20_000 }).toBe(640);
  await page.evaluate(() => scrollTo(0, 150));
  return page;
}

/** Where in the window the pixel (x, y) of the stream is. */
async function place(page: Page, x: number, y: number, scale = 1): Promise<[number, number]> {
  const [left, top] = await page.evaluate(() => {
    const bounds = document.querySelector('video')!.getBoundingClientRect();
    return [bounds.left, bounds.top];
  });
  return [left! + (3 + 20 + x * SCALE) * scale, top! + (3 + 10 + 87.5 + y * SCALE) * scale];
}

interface Told {
  event: string;
  x: number;
  y: number;
  [field: string]: unknown;
}

/** The next event with that name that the sink told. */
async function told(event: string, condition: (navigation: Told) => boolean = () => true): Promise<Told> {
  const found = await sink.event('navigation', ({ navigation }) => {
    const given = navigation as Told;
    return given.event === event && condition(given);
  });
  expect(found).toMatchObject({ mid: null, tracks: ['video_0'] });
  return found.navigation as Told;
}

describe.each(Object.keys(libraries) as (keyof typeof libraries)[])('%s', (library) => {
  it('sends clicks, keys, wheel and touches, and hears that they were handled', async () => {
    const page = await play(library);
    await page.mouse.move(...(await place(page, 160, 90)));
    const moved = await told('MouseMove');
    await page.mouse.down();
    await page.mouse.up();
    const pressed = await told('MouseButtonPress');
    const released = await told('MouseButtonRelease');
    for (const event of [moved, pressed, released]) {
      // A mouse event knows whole CSS pixels.
      expect(Math.abs(event.x - 160)).toBeLessThan(2);
      expect(Math.abs(event.y - 90)).toBeLessThan(2);
    }
    expect(pressed).toMatchObject({ button: 1, modifier_state: 'button1-mask' });
    expect(released).toMatchObject({ button: 1, modifier_state: '' });

    // The click gave the picture the focus.
    await page.keyboard.press('a');
    expect(await told('KeyPress')).toMatchObject({ key: 'a', modifier_state: '' });
    expect(await told('KeyRelease')).toMatchObject({ key: 'a' });
    await page.keyboard.press('Shift+ArrowLeft');
    expect(await told('KeyPress', ({ key }) => key === 'Shift_L')).toMatchObject({ modifier_state: 'shift-mask' });
    expect(await told('KeyPress', ({ key }) => key === 'Left')).toMatchObject({ modifier_state: 'shift-mask' });

    await page.mouse.click(...(await place(page, 600, 340)), { button: 'right' });
    const right = await told('MouseButtonPress', ({ button }) => button !== 1);
    expect(right.button).toBe(3);
    expect(Math.abs(right.x - 600)).toBeLessThan(2);
    expect(Math.abs(right.y - 340)).toBeLessThan(2);
    // In the letterbox: the nearest pixel.
    await page.mouse.move(...(await place(page, 320, -60)));
    expect(await told('MouseMove', ({ y }) => y === 0)).toMatchObject({ y: 0 });

    await page.mouse.wheel(30, 120);
    const scrolled = await told('MouseScroll');
    expect(scrolled.delta_x).toBeLessThan(0);
    expect(scrolled.delta_y).toBe(4 * Number(scrolled.delta_x));

    await page.touchscreen.tap(...(await place(page, 320, 180)));
    const down = await told('TouchDown');
    expect(Math.abs(down.x - 320)).toBeLessThan(2);
    expect(Math.abs(down.y - 180)).toBeLessThan(2);
    expect(await told('TouchUp')).toMatchObject({ identifier: down.identifier });
    await told('TouchFrame');

    const responses = await page.evaluate(() => (window as unknown as Scope).responses);
    expect(responses.map(({ id }) => id)).toEqual(responses.map((_, i) => i));
    expect(responses.every(({ error }) => error === null)).toBe(true);
    const refused = () =>
      page.evaluate(() => {
        const scope = window as unknown as Scope;
        const id = scope.session.remoteController!.sendControlRequest({ type: 'dance' });
        return new Promise((resolve) =>
          scope.session.remoteController!.addEventListener('controlResponse', (event) => {
            const { detail } = event as CustomEvent<{ id: number; error: string | null }>;
            if (detail.id === id) resolve(detail.error);
          }),
        );
      });
    expect(await refused()).toContain('customUpstreamEvent');
  });
});

describe('@tswebrtc/browser', () => {
  it('finds the pixel in a picture that is scaled, and lets go outside of it what was pressed inside', async () => {
    const page = await play('@tswebrtc/browser', `${STYLE};transform:scale(0.5);transform-origin:0 0`);
    await page.mouse.move(...(await place(page, 480, 270, 0.5)));
    await page.mouse.down();
    const pressed = await told('MouseButtonPress');
    expect(Math.abs(pressed.x - 480)).toBeLessThan(4);
    expect(Math.abs(pressed.y - 270)).toBeLessThan(4);
    await page.keyboard.down('w');
    await told('KeyPress');
    await page.mouse.move(850, 650);
    await page.mouse.up();
    expect(await told('MouseButtonRelease')).toMatchObject({ button: 1, x: 640, y: 360 });
    await page.evaluate(() => document.querySelector('video')!.blur());
    expect(await told('KeyRelease')).toMatchObject({ key: 'w' });
  });
});

describe('the page that comes with the command', () => {
  it('sends mouse and keys where its viewer wants that, and keeps its own keys elsewhere', async () => {
    sink = await startSink(['testsrc:width=640,height=360', '--enable-control-data-channel']);
    const page = await chromium.newPage();
    await page.goto(sink.pageUrl);
    await page.getByTestId('stream').first().click();
    const control = page.getByTestId('control');
    await control.waitFor({ state: 'visible' });
    expect(await control.getAttribute('aria-pressed')).toBe('false');
    const video = page.getByTestId('player-video');
    const middle = async (): Promise<[number, number]> => {
      const { x, y, width, height } = (await video.boundingBox())!;
      return [x + width / 2, y + height / 2];
    };
    await page.mouse.click(...(await middle()));
    await control.click();
    expect(await control.getAttribute('aria-pressed')).toBe('true');
    await page.mouse.click(...(await middle()));
    const pressed = await told('MouseButtonPress');
    expect(Math.abs(pressed.x - 320)).toBeLessThan(2);
    expect(Math.abs(pressed.y - 180)).toBeLessThan(2);
    // Would stop the player if it were the page's.
    await page.keyboard.press('Delete');
    await told('KeyPress', ({ key }) => key === 'Delete');
    expect(sink.events.filter(({ navigation }) => (navigation as Told | undefined)?.event === 'MouseButtonPress')).toHaveLength(
      1,
    );
    await control.click();
    await page.keyboard.press('Delete');
    await page.waitForSelector('[data-testid=empty][data-state=choose]');
  });
});
