/** Starts the page. */
import { element } from './dom.ts';
import { loadPageConfig } from './page-config.ts';
import { Studio } from './studio.ts';

const root = element('div', { class: 'app' });
document.body.append(root);
const config = await loadPageConfig(new URL(location.href));
new Studio(root, config);
