/** Defines the element `<webrtc-player>`. */
import { WebRTCPlayerElement } from './player-element.ts';

export { type PlayerElementEvents, type PlayerElementState, WebRTCPlayerElement } from './player-element.ts';

if (!customElements.get('webrtc-player')) customElements.define('webrtc-player', WebRTCPlayerElement);
