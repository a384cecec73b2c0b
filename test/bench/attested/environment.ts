/** Of the measured processes: the SDK says nothing about versions of Node to come. */
export const ENVIRONMENT = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' }
