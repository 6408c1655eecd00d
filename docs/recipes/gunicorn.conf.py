"""app.py behind gunicorn. The variables MALLOC_... count before Python starts: README.md has them."""

bind = "127.0.0.1:8000"  # the default; but where $PORT is set, all addresses
wsgi_app = "app:app"  # for forms: gunicorn app_form:app
worker_class = "gthread"  # sync by default: an upload over 30 s, body included, gets its worker killed
workers = 2  # 1 by default: one process uses one processor
threads = 4  # 1 by default: one slow client would hold a whole worker
control_socket_disable = True  # on by default: a socket in the home folder, shared by every gunicorn
