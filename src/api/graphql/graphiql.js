'use strict';
// Beside this page, wherever a proxy may have put the server. The headers that the visitor writes go along with the
// requests and, as the payload of `connection_init`, with the socket.
const url = new URL('graphql', location.href);
const socket = new URL('graphql/ws', location.href);
socket.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
const fetcher = GraphiQL.createFetcher({ url: url.href, subscriptionUrl: socket.href });
const page = React.createElement(GraphiQL, {
  fetcher,
  defaultHeaders: '{\n  "authorization": "Bearer "\n}',
  // A token stays in no browser's storage.
  shouldPersistHeaders: false,
  defaultQuery: '# Write your token into the headers below.\n{\n  version\n}\n',
  isHeadersEditorEnabled: true,
});
ReactDOM.createRoot(document.getElementById('graphiql')).render(page);
