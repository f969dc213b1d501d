/// The page: the client protocol in a few lines of JavaScript, without a library.
enum Page {
    static func html(pharosPort: Int) -> String {
        """
        <!doctype html>
        <meta charset="utf-8">
        <title>Chat</title>
        <style>
          body { font: 16px system-ui; max-width: 40em; margin: 2em auto; }
          #lines { border: 1px solid #ccc; height: 20em; overflow: auto; padding: .5em; }
          input { font: inherit; width: 80%; }
        </style>
        <h1>Chat <small id="online"></small></h1>
        <div id="lines"></div>
        <form id="form"><input id="text" autocomplete="off" placeholder="say something"> <button>send</button></form>
        <script>
          const name = prompt('Your name?') || 'guest';
          let id = 2, socket;

          function show(line) {
            const div = document.createElement('div');
            div.textContent = line.from + ': ' + line.text;
            lines.append(div);
            lines.scrollTop = lines.scrollHeight;
          }

          function open() {
            socket = new WebSocket(`ws://${location.hostname}:\(pharosPort)/connection/websocket`);
            socket.onopen = () => {
              lines.replaceChildren();
              socket.send(JSON.stringify({ id: 1, connect: { data: { name } } }));
              socket.send(JSON.stringify({ id: 2, history: { channel: 'talk', limit: 50 } }));
            };
            socket.onmessage = ({ data }) => {
              for (const text of data.split('\\n')) {
                const message = JSON.parse(text);
                if (text === '{}') socket.send('{}');
                else if (message.history) (message.history.publications || []).forEach(({ data }) => show(data));
                else if (message.push?.channel === 'online') online.textContent = message.push.pub.data.online + ' online';
                else if (message.push?.channel === 'talk' && message.push.pub) show(message.push.pub.data);
              }
            };
            socket.onclose = ({ code }) => { if (code < 3500) setTimeout(open, 1000); };
          }

          form.onsubmit = (event) => {
            event.preventDefault();
            socket.send(JSON.stringify({ id: ++id, publish: { channel: 'talk', data: { text: text.value } } }));
            text.value = '';
          };
          open();
        </script>
        """
    }
}
