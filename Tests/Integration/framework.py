"""A small ERP made with Django REST framework, as one would write it who never heard of ossync.

Pagination, token authentication and throttling are the framework's own. Imported, it gives access
to the database by the ORM (call `setup` first); run as a program, it serves HTTP on loopback:

    python framework.py serve --database orders.sqlite3 --port 0 --throttle 20/2 --delay-ms 5

It prints one line, the port, when it listens. Beside the API there is `/control/arrivals`: what
arrived since the start, as JSON, outside authentication and throttling.
"""

import argparse
import random
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

TOKEN = "a-token-of-the-integration-tests"

_arrivals = []
_arrivals_lock = threading.Lock()


def setup(database, throttles=(), delay_ms=0):
    """Configures Django in this process and defines models, views and routes, once."""
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="of no use to anybody",
        ALLOWED_HOSTS=["127.0.0.1"],
        USE_TZ=True,
        TIME_ZONE="America/Sao_Paulo",
        ROOT_URLCONF=__name__,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.contenttypes", "django.contrib.auth", "rest_framework",
            "rest_framework.authtoken",
        ],
        MIDDLEWARE=[
            f"{__name__}.RecordArrivals", "django.middleware.gzip.GZipMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3", "NAME": str(database),
                "OPTIONS": {"timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"},
            }
        },
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        REST_FRAMEWORK={
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        },
        ERP_THROTTLES=list(throttles),
        ERP_DELAY_MS=delay_ms,
    )
    django.setup()
    _define()


class RecordArrivals:
    """Writes down every request: when it came, what it wanted, how it was answered."""

    def __init__(self, get_response):
        from django.conf import settings

        self.get_response = get_response
        self.delay_seconds = settings.ERP_DELAY_MS / 1000

    def __call__(self, request):
        if request.path.startswith("/control/"):
            return self.get_response(request)
        arrival = {
            "time": time.monotonic(), "path": request.path, "query": dict(request.GET.items()),
            "status": None,
        }
        with _arrivals_lock:
            _arrivals.append(arrival)
        response = self.get_response(request)
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        arrival["status"] = response.status_code
        return response


def _define():
    """Models need a configured Django, so they come into being here."""
    from django.conf import settings
    from django.db import models
    from django.http import JsonResponse
    from django.urls import path
    from rest_framework import authentication, exceptions, generics, pagination, serializers
    from rest_framework import throttling

    class Customer(models.Model):
        name = models.CharField(max_length=120)
        document = models.CharField(max_length=18)

        class Meta:
            app_label = "erp"

    class Order(models.Model):
        number = models.CharField(max_length=20, unique=True)
        status = models.CharField(max_length=20)
        customer = models.ForeignKey(Customer, models.PROTECT)
        city = models.CharField(max_length=80)
        opened_at = models.DateTimeField()
        updated_at = models.DateTimeField()
        total = models.DecimalField(max_digits=12, decimal_places=2)
        description = models.TextField()
        notes = models.TextField(null=True)

        class Meta:
            app_label = "erp"

    class Expense(models.Model):
        order = models.ForeignKey(Order, models.CASCADE, related_name="expenses")
        kind = models.CharField(max_length=40)
        date = models.DateField()
        amount = models.DecimalField(max_digits=10, decimal_places=2)

        class Meta:
            app_label = "erp"

    class CustomerSerializer(serializers.ModelSerializer):
        class Meta:
            model = Customer
            fields = ["id", "name", "document"]

    class ExpenseSerializer(serializers.ModelSerializer):
        class Meta:
            model = Expense
            fields = ["id", "kind", "date", "amount"]

    class OrderSerializer(serializers.ModelSerializer):
        customer = CustomerSerializer()

        class Meta:
            model = Order
            fields = [
                "id", "number", "status", "customer", "city", "opened_at", "updated_at", "total",
            ]

    class OrderDetailSerializer(OrderSerializer):
        expenses = ExpenseSerializer(many=True)

        class Meta:
            model = Order
            fields = OrderSerializer.Meta.fields + ["description", "notes", "expenses"]

    class BearerToken(authentication.TokenAuthentication):
        keyword = "Bearer"

    class Pages(pagination.PageNumberPagination):
        page_size = 50
        page_size_query_param = "per_page"
        max_page_size = 1000

    def throttle(number, text):
        """The framework's throttle, at `requests/seconds` instead of its whole minutes."""
        requests, seconds = (int(part) for part in text.split("/"))

        class Throttle(throttling.UserRateThrottle):
            scope = f"erp-{number}"
            rate = text

            def parse_rate(self, rate):
                return requests, seconds

        return Throttle

    class Protected:
        authentication_classes = [BearerToken]
        throttle_classes = [
            throttle(number, text) for number, text in enumerate(settings.ERP_THROTTLES)
        ]

    class OrderList(Protected, generics.ListAPIView):
        serializer_class = OrderSerializer
        pagination_class = Pages

        def get_queryset(self):
            orders = Order.objects.select_related("customer").order_by("id")
            above = self.request.query_params.get("id_gt")
            return orders if above is None else orders.filter(id__gt=_whole(above))

    class OrderDetails(Protected, generics.ListAPIView):
        serializer_class = OrderDetailSerializer

        def get_queryset(self):
            ids = [_whole(part) for part in self.request.query_params.get("ids", "").split(",")]
            return details().filter(id__in=ids)

    class OrderDetail(Protected, generics.RetrieveAPIView):
        serializer_class = OrderDetailSerializer

        def get_queryset(self):
            return details()

    def details():
        return Order.objects.select_related("customer").prefetch_related("expenses")

    def _whole(text):
        if not text.isdigit():
            raise exceptions.ValidationError({"detail": f"not an id: {text!r}"})
        return int(text)

    def arrivals(request):
        with _arrivals_lock:
            return JsonResponse({"arrivals": list(_arrivals)})

    globals().update(
        Customer=Customer, Order=Order, Expense=Expense, OrderSerializer=OrderSerializer,
        OrderDetailSerializer=OrderDetailSerializer, order_details=details,
        urlpatterns=[
            path("api/orders/", OrderList.as_view()),
            path("api/orders/details/", OrderDetails.as_view()),
            path("api/orders/<int:pk>/", OrderDetail.as_view()),
            path("control/arrivals", arrivals),
        ])


def create_database(orders, seed=1):
    """Makes the tables, one user with a token, and `orders` orders."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection
    from rest_framework.authtoken.models import Token

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Customer, Order, Expense):
            editor.create_model(model)
    Token.objects.create(user=User.objects.create(username="ossync"), key=TOKEN)
    generator = random.Random(seed)
    Customer.objects.bulk_create([
        Customer(name=f"Cliente nº {number} & Irmãos \"Açaí\"", document=f"{number:014d}")
        for number in range(1, 201)])
    add_orders(orders, generator)


def add_orders(count, generator):
    """Adds orders with the ids that come next, and 0 to 6 expenses each."""
    first = (Order.objects.order_by("-id").values_list("id", flat=True).first() or 0) + 1
    customers = list(Customer.objects.values_list("id", flat=True))
    orders, expenses = [], []
    for number in range(first, first + count):
        opened = datetime(2021, 1, 4, 11, tzinfo=timezone.utc) + timedelta(minutes=37 * number)
        orders.append(Order(
            id=number, number=f"OS-{number:06d}",
            status=generator.choice(["aberta", "em andamento", "concluída", "cancelada"]),
            customer_id=generator.choice(customers),
            city=generator.choice(["São Paulo", "Uberlândia", "Maringá", "Belém"]),
            opened_at=opened,
            updated_at=opened + timedelta(microseconds=generator.randrange(10**12)),
            total=money(generator, 10_000_000),
            description="Manutenção: " + "peça nº 7 — \\ \" \t\n" * generator.randrange(9),
            notes=generator.choice([None, "", "Ligar antes 👍", "<b>urgente</b>"])))
        expenses += [
            Expense(
                order_id=number, kind=generator.choice(["pedágio", "combustível", "refeição"]),
                date=opened.date(), amount=money(generator, 100_000))
            for _ in range(generator.randrange(7))]
    Order.objects.bulk_create(orders, batch_size=500)
    Expense.objects.bulk_create(expenses, batch_size=500)
    return list(range(first, first + count))


def change_orders(ids, generator):
    """Changes header and expenses of these orders, as a person at the ERP would."""
    for order in Order.objects.filter(id__in=ids):
        order.status = "reaberta"
        order.updated_at += timedelta(days=1)
        order.save()
        order.expenses.create(
            kind="retorno", date=order.updated_at.date(), amount=money(generator, 50_000))


def money(generator, most):
    return Decimal(generator.randrange(most)) / 100


def expected_orders(ids=None):
    """What the API shows of each order, by id: (header, detail), made by the framework itself."""
    import json
    from rest_framework.renderers import JSONRenderer

    def shown(serializer):
        return json.loads(JSONRenderer().render(serializer.data))

    orders = order_details().order_by("id")
    if ids is not None:
        orders = orders.filter(id__in=ids)
    return {
        order.id: (shown(OrderSerializer(order)), shown(OrderDetailSerializer(order)))
        for order in orders}


def serve(port):
    import waitress
    from django.core.wsgi import get_wsgi_application

    server = waitress.create_server(
        get_wsgi_application(), host="127.0.0.1", port=port, threads=8)
    print(server.effective_port, flush=True)
    server.run()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("action", choices=["create", "serve"])
    parser.add_argument("--database", required=True)
    parser.add_argument("--orders", type=int, default=5_000)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--throttle", action="append", default=[], metavar="REQUESTS/SECONDS")
    parser.add_argument("--delay-ms", type=int, default=0)
    arguments = parser.parse_args()
    setup(arguments.database, arguments.throttle, arguments.delay_ms)
    if arguments.action == "create":
        create_database(arguments.orders)
    else:
        serve(arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
