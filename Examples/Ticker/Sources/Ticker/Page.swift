import Hummingbird

enum Page {
    static var response: Response {
        Response(
            status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: html)))
    }

    private static let html = """
        <!doctype html>
        <meta charset="utf-8">
        <title>Ticker</title>
        <style>body { font: 16px system-ui; max-width: 30em; margin: 2em auto; }</style>
        <h1>Prices</h1>
        <button onclick="login()">log in as ann</button>
        <button onclick="watch('ACME')">ACME</button> <button onclick="watch('INIT')">INIT</button>
        <ul id="prices"></ul>
        <script>
          let events;

          async function login() {
            await fetch('/login', { method: 'POST', body: 'user=ann&password=secret' });
            events = new EventSource('/prices');
          }

          async function watch(symbol) {
            await fetch('/prices/' + symbol, { method: 'PUT' });
            const item = document.createElement('li');
            prices.append(item);
            events.addEventListener('price:' + symbol, ({ data }) => {
              const { price } = JSON.parse(data);
              item.textContent = symbol + ' ' + price.toFixed(2);
            });
          }
        </script>
        """
}
