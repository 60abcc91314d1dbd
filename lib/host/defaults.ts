export const DEFAULT_CONFIG = '/etc/vmnet/vmnet.ini';
export const DEFAULT_STATE_DIR = '/run/vmnet';
