/** Brings pictures into the memory of an encoder that reads them from there (vaapi, qsv). */
import {
  AV_HWDEVICE_TYPE_QSV,
  AV_HWDEVICE_TYPE_VAAPI,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_QSV,
  AV_PIX_FMT_VAAPI,
} from 'node-av/constants';
import { type CodecContext, FFmpegError, Frame, HardwareDeviceContext, HardwareFramesContext } from 'node-av/lib';

export type HardwareDevice = 'vaapi' | 'qsv';

const DEVICES = {
  vaapi: { type: AV_HWDEVICE_TYPE_VAAPI, format: AV_PIX_FMT_VAAPI },
  qsv: { type: AV_HWDEVICE_TYPE_QSV, format: AV_PIX_FMT_QSV },
} as const;

/** Surfaces that exist at a time: one being encoded, and those it refers to. */
const SURFACES = 8;

export class HardwareFrames {
  readonly #device: HardwareDeviceContext;
  readonly #frames: HardwareFramesContext;
  readonly #surface = new Frame();

  private constructor(device: HardwareDeviceContext, frames: HardwareFramesContext) {
    this.#device = device;
    this.#frames = frames;
    this.#surface.alloc();
  }

  /** Opens the first device of its kind. Throws where there is none. */
  static open(kind: HardwareDevice, width: number, height: number): HardwareFrames {
    const { type, format } = DEVICES[kind];
    const device = new HardwareDeviceContext();
    FFmpegError.throwIfError(device.create(type, null, null), `open a ${kind} device`);
    const frames = new HardwareFramesContext();
    try {
      frames.alloc(device);
      frames.format = format;
      frames.swFormat = AV_PIX_FMT_NV12;
      frames.width = width;
      frames.height = height;
      frames.initialPoolSize = SURFACES;
      FFmpegError.throwIfError(frames.init(), `reserve pictures on the ${kind} device`);
      return new HardwareFrames(device, frames);
    } catch (error) {
      frames.free();
      device.free();
      throw error;
    }
  }

  /** Tells a context, which is not open yet, where its pictures lie. */
  attach(context: CodecContext): void {
    context.pixelFormat = this.#frames.format;
    context.hwFramesCtx = this.#frames;
  }

  /** `picture` on the device; valid until the next call. */
  upload(picture: Frame): Frame {
    const surface = this.#surface;
    surface.unref();
    FFmpegError.throwIfError(this.#frames.getBuffer(surface), 'take a picture of the device');
    FFmpegError.throwIfError(this.#frames.transferDataSync(surface, picture), 'bring a picture to the device');
    surface.pts = picture.pts;
    surface.duration = picture.duration;
    surface.pictType = picture.pictType;
    return surface;
  }

  close(): void {
    this.#surface.free();
    this.#frames.free();
    this.#device.free();
  }
}
